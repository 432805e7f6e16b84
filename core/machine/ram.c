/* ram.c - the arena that holds all RAM and ROM of a machine. */
#include "core/cpu/cpu.h"
#include "core/machine/machine.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef __SANITIZE_THREAD__
void AnnotateBenignRaceSized(const char *file, int line, const volatile void *mem, size_t size, const char *why);      /* the sanitizer's own */
#endif

/* mmap rather than calloc: the tables of a large machine stay untouched until used. */
static void *page_table(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static void free_page_table(void *p, size_t bytes)
{
	if (p)
		munmap(p, bytes);
}

bool ram_arena_init(struct ram_arena *a, uint64_t reserve, struct error *err)
{
	*a = (struct ram_arena){ .size = reserve };
	uint64_t pages = reserve >> PAGE_SHIFT;
	a->host = mmap(NULL, reserve, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (a->host == MAP_FAILED) {
		a->host = NULL;
		return error_set(err, "cannot set up guest memory 'pc.ram': %s", strerror(errno));
	}
	madvise(a->host, reserve, MADV_HUGEPAGE);
#ifdef __SANITIZE_THREAD__
	AnnotateBenignRaceSized(__FILE__, __LINE__, a->host, reserve, "guest RAM: what vCPUs and devices do there is the guest's affair");
#endif
	if (!(a->code_lines = page_table(pages * 8)) || !(a->writers = page_table(pages * 8)) || !(a->decoders = page_table(pages * 8)) ||
		!(a->dirty = page_table(pages)) || !(a->code_fades = page_table(pages))) {
		ram_arena_free(a);
		return error_set(err, "cannot set up guest memory 'pc.ram': %s", strerror(ENOMEM));
	}
	return true;
}

void ram_arena_free(struct ram_arena *a)
{
	uint64_t pages = a->size >> PAGE_SHIFT;
	if (a->host)
		munmap(a->host, a->size);
	free_page_table(a->code_lines, pages * 8);
	free_page_table(a->writers, pages * 8);
	free_page_table(a->decoders, pages * 8);
	free_page_table((void *)a->dirty, pages);
	free_page_table((void *)a->code_fades, pages);
	while (a->blocks) {
		struct ram_block *b = a->blocks;
		a->blocks = b->next;
		free(b);
	}
	*a = (struct ram_arena){ 0 };
}

uint64_t ram_alloc(struct ram_arena *a, const char *name, uint64_t size, struct error *err)
{
	uint64_t rounded = (size + PAGE_SIZE - 1) & PAGE_MASK;
	if (rounded < size || a->used + rounded > a->size) {
		error_set(err, "cannot set up guest memory '%s': Cannot allocate memory", name);
		return UINT64_MAX;
	}
	struct ram_block *b = calloc(1, sizeof(*b)), **p = &a->blocks;
	if (!b) {
		error_set(err, "cannot set up guest memory '%s': Cannot allocate memory", name);
		return UINT64_MAX;
	}
	*b = (struct ram_block){ .name = name, .ram_addr = a->used, .size = rounded };
	while (*p)
		p = &(*p)->next;
	*p = b;
	a->used += rounded;
	return b->ram_addr;
}

void ram_written(struct machine *m, uint64_t ram_addr, uint64_t len)
{
	if (!len)
		return;
	uint64_t first = ram_addr >> PAGE_SHIFT, last = (ram_addr + len - 1) >> PAGE_SHIFT;
	bool code = false;
	if (m->n_cpus > 1)
		atomic_thread_fence(memory_order_seq_cst);
	for (uint64_t p = first; p <= last; p++) {
		atomic_store_explicit(&m->ram.dirty[p], DIRTY_VGA | DIRTY_MIGRATE, memory_order_relaxed);
		code |= atomic_load_explicit(&m->ram.code_lines[p], memory_order_relaxed) != 0;
	}
	if (code)
		engine_code_written(m, ram_addr, len);
}
