/* screen.h - a picture of what the display adapter shows. */
#ifndef CORE_MONITOR_SCREEN_H
#define CORE_MONITOR_SCREEN_H
#include "core/machine/error.h"
struct machine;
/* Write it as a PPM (P6; format NULL or "ppm") or PNG file ("png").  device NULL or the adapter's id or path. */
bool screen_dump(struct machine *m, const char *file, const char *format, const char *device, int head, struct error *err);
#endif
