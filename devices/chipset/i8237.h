/* i8237.h - ISA DMA as a device on the bus sees it: the two 8237s of the board.
 *
 * A device asks for its channel (DREQ) and moves bytes while the guest has the channel programmed and unmasked.  Machine lock held. */
#ifndef DEVICES_CHIPSET_I8237_H
#define DEVICES_CHIPSET_I8237_H
#include <stdbool.h>
#include <stddef.h>
struct machine;

/* Take channel 0-7 (4 is the cascade).  ready(arg) is called when the guest unmasks the channel while DREQ is up; it may call
 * isa_dma_write or isa_dma_read.  False: no such channel, or it is taken. */
bool isa_dma_attach(struct machine *m, unsigned channel, void (*ready)(void *arg), void *arg);
void isa_dma_detach(struct machine *m, unsigned channel);
/* Raise or drop DREQ.  Does not call ready(). */
void isa_dma_request(struct machine *m, unsigned channel, bool dreq);
/* The channel is unmasked, its controller enabled and DREQ up: bytes will move. */
bool isa_dma_ready(struct machine *m, unsigned channel);
/* Move up to len bytes from the device to memory (write transfer) or from memory to the device (read transfer; in verify mode
 * the bytes count but memory is left alone and reads give zeroes).  Returns the bytes moved: less than len when the count ran out,
 * then *tc is set (terminal count); 0 when the channel is not ready or programmed for the other direction.  Channels 5-7 move
 * 16-bit units: len must be even. */
size_t isa_dma_write(struct machine *m, unsigned channel, const void *buf, size_t len, bool *tc);
size_t isa_dma_read(struct machine *m, unsigned channel, void *buf, size_t len, bool *tc);
#endif
