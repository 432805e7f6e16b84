/* sixel.h - a picture as sixels.  Pure: pixels in, bytes out.  Ref: DEC STD 070, chapter "Sixel graphics"; VT330/340 programmer reference. */
#ifndef TUI_SIXEL_H
#define TUI_SIXEL_H
#include "core/vm.h"
/* From DCS to ST.  pixels: height * width times 0xRRGGBB, drawn out_w * out_h large. */
void sixel_encode(const uint32_t *pixels, unsigned width, unsigned height, unsigned out_w, unsigned out_h, struct text *out);
#endif
