/* cpu_work.c - memory blocks, floating point, vectors, code that is made while the program runs. */
#include "tests/bench/linux/work.h"
#include <math.h>
#include <string.h>
#include <sys/mman.h>

enum { BLOCK = 1 << 20 };

static uint8_t *two_blocks(void)
{
	static _Alignas(4096) uint8_t mem[2 * BLOCK];
	return mem;
}
#define KEEP(p) __asm__ volatile("" : "+r"(p) : : "memory")

static uint64_t work_memcpy(unsigned n)
{
	uint8_t *m = two_blocks();
	memset(m, 3, BLOCK);
	while (n--) {
		KEEP(m);
		memcpy(m + BLOCK, m, BLOCK);
	}
	return m[BLOCK + BLOCK / 2];
}

static uint64_t work_memset(unsigned n)
{
	uint8_t *m = two_blocks();
	while (n--) {
		KEEP(m);
		memset(m, (int)n + 5, BLOCK);
	}
	return m[BLOCK / 2];
}

static uint64_t work_movs(unsigned n)
{
	uint8_t *m = two_blocks();
	memset(m, 7, BLOCK);
	while (n--) {
		const uint8_t *from = m;
		uint8_t *to = m + BLOCK;
		uint64_t count = BLOCK;
		__asm__ volatile("rep movsb" : "+S"(from), "+D"(to), "+c"(count) : : "memory");
	}
	return m[BLOCK + BLOCK / 2];
}

static uint64_t work_stos(unsigned n)
{
	uint8_t *m = two_blocks();
	while (n--) {
		uint8_t *to = m;
		uint64_t count = BLOCK / 8;
		__asm__ volatile("rep stosq" : "+D"(to), "+c"(count) : "a"((uint64_t)(n + 9)) : "memory");
	}
	return m[BLOCK / 2];
}

/* The planets' positions matter little; that every engine rounds alike does. */
enum { BODIES = 5 };
#define N_BODY(name, real, root)                                                                       \
	static uint64_t name(unsigned n)                                                               \
	{                                                                                              \
		real p[BODIES][3], v[BODIES][3] = { { 0 } };                                           \
		for (int i = 0; i < BODIES; i++)                                                       \
			for (int k = 0; k < 3; k++)                                                    \
				p[i][k] = (real)(1 + i * 3 + k * k) * (real)(i & 1 ? -0.75 : 1.25);    \
		for (; n; n--) {                                                                       \
			for (int i = 0; i < BODIES; i++)                                               \
				for (int j = i + 1; j < BODIES; j++) {                                 \
					real x = p[i][0] - p[j][0], y = p[i][1] - p[j][1], z = p[i][2] - p[j][2]; \
					real d = x * x + y * y + z * z, f = (real)0.001 / (d * root(d)); \
					v[i][0] -= x * f, v[i][1] -= y * f, v[i][2] -= z * f;          \
					v[j][0] += x * f, v[j][1] += y * f, v[j][2] += z * f;          \
				}                                                                      \
			for (int i = 0; i < BODIES; i++)                                               \
				for (int k = 0; k < 3; k++)                                            \
					p[i][k] += (real)0.001 * v[i][k];                              \
		}                                                                                      \
		return (uint64_t)(int64_t)(p[0][0] * 1e15f);                                           \
	}
N_BODY(work_sse_double, double, sqrt)
N_BODY(work_x87, long double, sqrtl)

static uint64_t work_matmul(unsigned n)
{
	enum { N = 64 };
	static double a[N][N], b[N][N], c[N][N];
	for (int i = 0; i < N * N; i++)
		a[i / N][i % N] = i % 17 + 0.5, b[i / N][i % N] = i % 13 - 0.25, c[i / N][i % N] = 0;
	while (n--)
		for (int i = 0; i < N; i++)
			for (int j = 0; j < N; j++) {
				double s = 0;
				for (int k = 0; k < N; k++)
					s += a[i][k] * b[k][j];
				c[i][j] += s;
			}
	return (uint64_t)(int64_t)c[N / 2][N / 3];
}

typedef float f32x4 __attribute__((vector_size(16)));
typedef int32_t i32x4 __attribute__((vector_size(16)));
static uint64_t work_packed(unsigned n)
{
	static f32x4 x[256], y[256];
	i32x4 sum = { 0 };
	for (int i = 0; i < 256; i++)
		x[i] = (f32x4){ (float)i, 1, 2, 3 }, y[i] = (f32x4){ 0 };
	for (; n; n--)
		for (int i = 0; i < 256; i++) {
			y[i] = x[i] * 1.5f + y[i] * 0.5f;
			i32x4 bits = (i32x4)y[i];
			sum += (bits ^ (sum >> 3)) & 0x7fffff;
		}
	return (uint32_t)(sum[0] ^ sum[1] ^ sum[2] ^ sum[3]);
}

static uint64_t work_bignum(unsigned n)
{
	enum { LIMBS = 64 };
	static uint64_t a[LIMBS], b[LIMBS];
	for (int i = 0; i < LIMBS; i++)
		a[i] = 0, b[i] = 0x9e3779b97f4a7c15u * (uint64_t)(i + 1);
	while (n--) {
		uint64_t i = 0, left = LIMBS, t;
		__asm__ volatile("clc\n1: mov (%[b],%[i],8), %[t]\n adc %[t], (%[a],%[i],8)\n lea 1(%[i]), %[i]\n dec %[left]\n jnz 1b"
			: [i] "+r"(i), [left] "+r"(left), [t] "=&r"(t) : [a] "r"(a), [b] "r"(b) : "memory", "cc");
	}
	return a[LIMBS - 1] ^ a[0];
}

static uint8_t *code_page(void)
{
	uint8_t *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		die("memory for code");
	return p;
}

/* A function of 32 additions is written anew, then called a few times: a just-in-time compiler at work. */
static uint64_t work_generated(unsigned n)
{
	uint8_t *page = code_page();
	uint64_t sum = 0;
	for (uint32_t k = 0; k < n; k++) {
		uint8_t *p = page;
		*p++ = 0x31, *p++ = 0xc0;                       /* xor eax, eax */
		for (uint32_t i = 0; i < 32; i++, p += 4) {
			uint32_t imm = k + i;
			*p++ = 0x05;                            /* add eax, imm32 */
			memcpy(p, &imm, 4);
		}
		*p = 0xc3;
		for (int i = 0; i < 8; i++)
			sum += ((uint32_t (*)(void))(uintptr_t)page)();
	}
	munmap(page, 4096);
	return sum;
}

/* One constant inside a loop is patched between two runs of the loop. */
static uint64_t work_patched(unsigned n)
{
	/* xor eax,eax; mov ecx,200; 1: add eax,imm32; dec ecx; jnz 1b; ret */
	static const uint8_t code[] = { 0x31, 0xc0, 0xb9, 200, 0, 0, 0, 0x05, 0, 0, 0, 0, 0xff, 0xc9, 0x75, 0xf7, 0xc3 };
	uint8_t *page = code_page();
	uint64_t sum = 0;
	memcpy(page, code, sizeof code);
	for (uint32_t k = 0; k < n; k++) {
		memcpy(page + 8, &k, 4);
		sum += ((uint32_t (*)(void))(uintptr_t)page)();
	}
	munmap(page, 4096);
	return sum;
}

const struct work cpu_work[] = {
	{ "memcpy", 1600, work_memcpy }, { "memset", 3200, work_memset }, { "rep movsb", 200, work_movs }, { "rep stosq", 3200, work_stos },
	{ "double scalar", 200000, work_sse_double }, { "x87", 40000, work_x87 }, { "matmul", 160, work_matmul }, { "packed SIMD", 24000, work_packed },
	{ "adc bignum", 400000, work_bignum }, { "generated code", 20000, work_generated }, { "patched code", 40000, work_patched }, { 0 } };
