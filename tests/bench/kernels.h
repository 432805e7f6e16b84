/* kernels.h - small programs that run as they are on the host and in the guest. */
#ifndef TESTS_BENCH_KERNELS_H
#define TESTS_BENCH_KERNELS_H
#include <stdbool.h>
#include <stdint.h>
enum { KERNEL_HEAP = 24 << 20 /* bytes of scratch memory a kernel may use */, KERNELS_LONG = 10 /* times each runs in the long guest */ };
/* apart: not to be averaged with the others, since one instruction does the work of many.  wanted: how many times as fast as TCG a translator is to be. */
struct kernel { const char *name; uint64_t (*fn)(uint64_t n, void *heap); uint64_t n; bool apart; double wanted; };
extern const struct kernel kernels[];
extern const unsigned n_kernels;
/* All their code: position dependent only towards itself, so a guest that has a copy at the same address can run it. */
extern const uint8_t __start_kernel_code[], __stop_kernel_code[];
#endif
