/* kernels.c - integer programs of different temper: registers, tables, sorting, copying, calls, indirect calls, hashing, branches,
 * compression, pointer chasing.  They touch nothing but their own section and the heap. */
#include "tests/bench/kernels.h"

#define KERNEL static __attribute__((noinline, section("kernel_code"), target("general-regs-only"), \
	optimize("O2", "no-tree-loop-distribute-patterns", "no-jump-tables", "no-stack-protector")))

KERNEL uint64_t k_loop(uint64_t n, void *heap)
{
	uint64_t a = 1, b = 2;
	for (uint64_t i = 0; i < n; i++) {
		a += b ^ i;
		b = b << 1 | b >> 63;
		__asm__ volatile("" : : "r"(a));
	}
	return a + b;
}
KERNEL uint64_t k_crc(uint64_t n, void *heap)
{
	uint32_t *t = heap, c = ~0u;
	uint8_t *p = (uint8_t *)heap + 4096;
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t v = i;
		for (int k = 0; k < 8; k++)
			v = v & 1 ? 0xedb88320 ^ v >> 1 : v >> 1;
		t[i] = v;
	}
	for (uint32_t i = 0; i < 65536; i++)
		p[i] = (uint8_t)(i * 7);
	while (n--)
		for (uint32_t i = 0; i < 65536; i++)
			c = t[(c ^ p[i]) & 255] ^ c >> 8;
	return c;
}
KERNEL void quicksort(int *a, long lo, long hi)
{
	while (lo < hi) {
		int pivot = a[(lo + hi) / 2];
		long i = lo, j = hi;
		while (i <= j) {
			while (a[i] < pivot)
				i++;
			while (a[j] > pivot)
				j--;
			if (i <= j) {
				int t = a[i];
				a[i++] = a[j];
				a[j--] = t;
			}
		}
		quicksort(a, lo, j);
		lo = i;
	}
}
KERNEL uint64_t k_sort(uint64_t n, void *heap)
{
	int *a = heap;
	uint64_t sum = 0;
	for (uint64_t r = 0; r < n; r++) {
		uint32_t x = 12345 + (uint32_t)r;
		for (int i = 0; i < 50000; i++) {
			x = x * 1103515245 + 12345;
			a[i] = (int)(x >> 1);
		}
		quicksort(a, 0, 49999);
		sum += (uint64_t)a[777];
	}
	return sum;
}
KERNEL uint64_t k_copy(uint64_t n, void *heap)
{
	uint64_t *a = heap, *b = a + (1 << 17) + 3 * 512;       /* not in the same place of a direct-mapped TLB */
	for (int i = 0; i < 8192; i++)
		a[i] = (uint64_t)i;
	for (uint64_t r = 0; r < n; r++)
		for (int i = 0; i < 8192; i++) {
			b[i] = a[i] + r;
			__asm__ volatile("" : : : "memory");
		}
	return b[100];
}
KERNEL uint64_t k_strlen(uint64_t n, void *heap)
{
	uint8_t *p = heap;
	uint64_t sum = 0;
	for (int i = 0; i < 65535; i++)
		p[i] = (uint8_t)(1 + (i & 63));
	p[65535] = 0;
	while (n--) {
		uint8_t *q = p;
		while (*q) {
			q++;
			__asm__ volatile("");
		}
		sum += (uint64_t)(q - p);
	}
	return sum;
}
KERNEL uint64_t fib(uint64_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
KERNEL uint64_t k_fib(uint64_t n, void *heap) { return fib(n); }
KERNEL uint64_t k_sieve(uint64_t n, void *heap)
{
	uint8_t *p = heap;
	uint64_t count = 0;
	while (n--) {
		for (int i = 0; i < 1000000; i++)
			p[i] = 1;
		for (uint64_t i = 2; i * i < 1000000; i++)
			if (p[i])
				for (uint64_t j = i * i; j < 1000000; j += i)
					p[j] = 0;
		for (int i = 2; i < 1000000; i++)
			count += p[i];
	}
	return count;
}
KERNEL uint64_t f0(uint64_t x) { return x + 1; }
KERNEL uint64_t f1(uint64_t x) { return x ^ 0x55; }
KERNEL uint64_t f2(uint64_t x) { return x * 3; }
KERNEL uint64_t f3(uint64_t x) { return x >> 1; }
KERNEL uint64_t k_icall(uint64_t n, void *heap)
{
	typedef uint64_t (*fn)(uint64_t);
	volatile fn *t = heap;
	uint64_t x = 1;
	t[0] = f0, t[1] = f1, t[2] = f2, t[3] = f3;
	for (uint64_t i = 0; i < n; i++)
		x = t[(x ^ i) & 3](x);
	return x;
}
KERNEL uint64_t k_sha(uint64_t n, void *heap)
{
#define ROR(x, s) ((x) >> (s) | (x) << (32 - (s)))
	uint32_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8, *w = heap;
	for (int i = 0; i < 64; i++)
		w[i] = (uint32_t)i * 0x9e3779b9;
	while (n--)
		for (int i = 0; i < 64; i++) {
			uint32_t t1 = h + (ROR(e, 6) ^ ROR(e, 11) ^ ROR(e, 25)) + ((e & f) ^ (~e & g)) + w[i];
			uint32_t t2 = (ROR(a, 2) ^ ROR(a, 13) ^ ROR(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
			h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
		}
	return (uint64_t)a + b + c + d + e + f + g + h;
}
KERNEL uint64_t k_switch(uint64_t n, void *heap)
{
	uint8_t *p = heap;
	uint64_t a = 1;
	for (int i = 0; i < 4096; i++)
		p[i] = (uint8_t)((i * 31 + i / 7) % 11);
	for (uint64_t r = 0; r < n; r++)
		for (uint64_t i = 0; i < 4096; i++)
			switch (p[i]) {
			case 0: a++; break;
			case 1: a ^= r; break;
			case 2: a *= 3; break;
			case 3: a >>= 1; break;
			case 4: a += i; break;
			case 5: a -= 7; break;
			case 6: a = ~a; break;
			case 7: a ^= a << 3; break;
			case 8: a += a >> 5; break;
			case 9: a |= 1; break;
			default: a ^= 0x1234;
			}
	return a;
}
KERNEL uint64_t k_tree(uint64_t n, void *heap)
{
	struct node { uint64_t key; struct node *left, *right; } *pool = heap, *root = 0;
	uint64_t x = 88172645463325252u, depth = 0;
	for (uint64_t i = 0; i < n; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		struct node **link = &root;
		while (*link) {
			link = x < (*link)->key ? &(*link)->left : &(*link)->right;
			depth++;
		}
		*pool = (struct node){ x, 0, 0 };
		*link = pool++;
	}
	return depth;
}
KERNEL uint64_t k_bignum(uint64_t n, void *heap)
{
	uint64_t *a = heap, *b = a + 64;
	for (uint64_t i = 0; i < 64; i++)
		a[i] = i * 0x9e3779b97f4a7c15u, b[i] = ~a[i] ^ i;
	while (n--) {
		unsigned char carry = 0;
		for (int i = 0; i < 64; i++)
			carry = (unsigned char)__builtin_ia32_addcarryx_u64(carry, a[i], b[i], (unsigned long long *)&a[i]);
		a[0] += carry;
	}
	return a[63];
}
KERNEL uint64_t k_repmovs(uint64_t n, void *heap)
{
	while (n--) {
		uint8_t *d = (uint8_t *)heap + (1 << 20), *s = heap;
		uint64_t count = 65536;
		__asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(count) : : "memory");
	}
	return *((uint8_t *)heap + (1 << 20));
}

KERNEL uint64_t k_lz(uint64_t n, void *heap)
{
	enum { SIZE = 1 << 16 };
	uint32_t *head = heap;                  /* last position + 1 of each hash of four bytes */
	uint8_t *in = (uint8_t *)heap + (1 << 20), *out = in + SIZE;
	uint32_t x = 2463534242u;
	for (uint32_t i = 0; i < SIZE;) {       /* words out of a small vocabulary, now and then something new */
		x ^= x << 13, x ^= x >> 17, x ^= x << 5;
		uint32_t word = (x >> 8 & 255) * 0x9e3779b9u, len = 3 + (x & 7);
		if ((x >> 20 & 15) == 0)
			word = x;
		for (uint32_t k = 0; k < len && i < SIZE; k++)
			in[i++] = (uint8_t)('a' + (word >> k * 3 & 15));
	}
	uint64_t total = 0;
	while (n--) {
		uint32_t pos = 0, o = 0;
		for (int i = 0; i < 4096; i++)
			head[i] = 0;
		while (pos + 4 <= SIZE) {
			uint32_t v = in[pos] | (uint32_t)in[pos + 1] << 8 | (uint32_t)in[pos + 2] << 16 | (uint32_t)in[pos + 3] << 24;
			uint32_t h = v * 2654435761u >> 20, from = head[h], len = 0;
			head[h] = pos + 1;
			if (from--)
				while (pos + len < SIZE && len < 255 && in[from + len] == in[pos + len])
					len++;
			if (len >= 4) {
				out[o++] = (uint8_t)len, out[o++] = (uint8_t)(pos - from), out[o++] = (uint8_t)((pos - from) >> 8);
				pos += len;
			} else {
				out[o++] = in[pos++];
			}
		}
		total = total * 31 + o + out[o / 2];
	}
	return total;
}
KERNEL uint64_t k_chase(uint64_t n, void *heap)
{
	enum { CELLS = 1 << 13 };               /* 512 KB, a cache line each: misses the first level cache, not the TLB */
	struct cell { struct cell *next; uint64_t v, pad[6]; } *cells = heap;
	uint32_t at = 0;
	for (uint32_t i = 0; i < CELLS; i++) {  /* one cycle through all of them: a full-period generator */
		uint32_t to = (at * 5 + 12345) & (CELLS - 1);
		cells[at].next = &cells[to];
		cells[at].v = i;
		at = to;
	}
	uint64_t sum = 0;
	for (struct cell *p = cells; n--; p = p->next)
		sum += p->v;
	return sum;
}

KERNEL uint64_t k_bytecode(uint64_t n, void *heap)
{
	void **op = heap;                       /* built by the code itself: the kernels have no data section */
	uint8_t *p = (uint8_t *)heap + 4096;
	op[0] = &&inc, op[1] = &&xor_, op[2] = &&mul, op[3] = &&shr, op[4] = &&add, op[5] = &&dec, op[6] = &&swap, op[7] = &&skip, op[8] = &&end;
	for (int i = 0; i < 4096; i++)
		p[i] = (uint8_t)((i * 31 + i / 7) & 7);
	p[4096] = 8;
	__asm__ volatile("" : : : "memory");    /* else gcc stores both at once, from a constant outside the section */
	p[4097] = 8;
	uint64_t a = 1, b = 2, t;
	uint8_t *pc = p;
#define GO goto *op[*pc++]
	GO;
inc:	a++; GO;
xor_:	a ^= b; GO;
mul:	a *= 3; GO;
shr:	a >>= 1; GO;
add:	b += a; GO;
dec:	b--; GO;
swap:	t = a, a = b, b = t; GO;
skip:	pc += b & 1; GO;
end:	pc = p;
	if (n--)
		GO;
	return a + b;
}

const struct kernel kernels[] = {
	{ "register loop", k_loop, 10000000, false, 1.5 }, { "crc table", k_crc, 100, false, 1.7 }, { "quicksort", k_sort, 4, false, 2 },
	{ "copy loop", k_copy, 1000, false, 0 }, { "byte strlen", k_strlen, 200, false, 2 }, { "fib recursion", k_fib, 32, false, 3 },
	{ "sieve", k_sieve, 2, false, 2 }, { "indirect calls", k_icall, 3000000, false, 3 }, { "sha256 rounds", k_sha, 20000, false, 2 },
	{ "branchy switch", k_switch, 1000, false, 0 }, { "bytecode switch", k_bytecode, 2000, false, 3 }, { "search tree", k_tree, 150000, false, 2 },
	{ "lz", k_lz, 40, false, 2 }, { "pointer chase", k_chase, 10000000, false, 2 }, { "adc bignum", k_bignum, 100000, false, 4 },
	{ "rep movsb", k_repmovs, 200, true, 0 },
};
const unsigned n_kernels = sizeof kernels / sizeof kernels[0];
