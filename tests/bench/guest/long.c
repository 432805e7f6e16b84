/* long.c - the benchmark guest for engines that translate: main.c with kernels that run long enough to be measured there. */
#include "tests/bench/kernels.h"
#define TIMES KERNELS_LONG
#include "tests/bench/guest/main.c"
