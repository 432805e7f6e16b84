/* kernel_priv.h - what kernel.c (Linux, ROMs) and multiboot.c share. */
#ifndef DEVICES_FIRMWARE_KERNEL_PRIV_H
#define DEVICES_FIRMWARE_KERNEL_PRIV_H
#include "core/machine/machine.h"
#include "devices/misc/fw_cfg.h"
#include <stddef.h>
#include <stdint.h>
enum { KERNEL_MAX = 1 << 30, TOP_RESERVED = 1 << 20 /* firmware keeps tables at the end of low memory */ };
static inline uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint32_t get32(const uint8_t *p) { return get16(p) | (uint32_t)get16(p + 2) << 16; }
static inline void put16(uint8_t *p, unsigned v) { p[0] = (uint8_t)v; p[1] = (uint8_t)(v >> 8); }
static inline void put32(uint8_t *p, uint32_t v) { put16(p, v & 0xffff); put16(p + 2, v >> 16); }

/* One of the blobs a boot ROM loads: its address, size and data items. */
void kernel_item(struct machine *m, unsigned addr_key, unsigned size_key, unsigned data_key, uint32_t addr, const void *data, size_t len);
/* Offset of a multiboot header in the image, or -1. */
long multiboot_find(const uint8_t *image, size_t len);
bool multiboot_add(struct machine *m, const uint8_t *image, size_t len, long header, struct error *err);
#endif
