/* memdev.c - memory back ends: private pages, a memory file, or a file that others may map too. */
#include "core/machine/memdev.h"
#include "core/cpu/cpu.h"
#include "core/machine/machine.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const memdev_types[] = { "memory-backend-file", "memory-backend-memfd", "memory-backend-ram", NULL };

bool memdev_is_type(const char *qom_type)
{
	for (const char *const *t = memdev_types; *t; t++)
		if (qom_type && !strcmp(*t, qom_type))
			return true;
	return false;
}

bool memdev_parse(const struct kv *kv, struct memdev *d, struct error *err)
{
	static const char *const keys[] = { "qom-type", "id", "size", "share", "prealloc", "merge", "dump", "mem-path", NULL };
	const char *who = kv_get(kv, "qom-type");

	*d = (struct memdev){ .type = kv_get(kv, "qom-type"), .id = kv_get(kv, "id"), .mem_path = kv_get(kv, "mem-path"), .merge = true, .dump = true };
	d->share = !strcmp(d->type, "memory-backend-memfd");
	bool file = !strcmp(d->type, "memory-backend-file");
	if (!kv_only(kv, keys, who, err) || !kv_size(kv, "size", 1, &d->size, who, err) || !kv_bool(kv, "share", &d->share, who, err) ||
	    !kv_bool(kv, "prealloc", &d->prealloc, who, err) || !kv_bool(kv, "merge", &d->merge, who, err) || !kv_bool(kv, "dump", &d->dump, who, err))
		return false;
	if (!d->id)
		return error_set(err, "Parameter 'id' is missing");
	if (!d->size || d->size % PAGE_SIZE)
		return error_set(err, "Parameter 'size' expects a multiple of 4096 bytes");
	if (file != (d->mem_path != NULL))
		return error_set(err, file ? "Parameter 'mem-path' is missing" : "Parameter 'mem-path' belongs to memory-backend-file");
	return true;
}

static const struct optlist *find(struct machine *m, const char *id)
{
	for (const struct optlist *o = m->opt ? m->opt->objects : NULL; o; o = o->next)
		if (memdev_is_type(kv_get(o->kv, "qom-type")) && !strcmp(kv_get(o->kv, "id"), id))
			return o;
	return NULL;
}

bool memdev_at(struct machine *m, unsigned n, struct memdev *d)
{
	for (const struct optlist *o = m->opt ? m->opt->objects : NULL; o; o = o->next)
		if (memdev_is_type(kv_get(o->kv, "qom-type")) && !n--)
			return memdev_parse(o->kv, d, NULL);
	if (n || (m->opt && m->opt->memory_backend))
		return false;
	*d = (struct memdev){ .type = "memory-backend-ram", .id = "pc.ram", .size = m->ram_size, .dump = true };
	return true;
}

/* A descriptor with at least d->size bytes, or -1.  A folder as mem-path gets a nameless file. */
static int open_backing(const struct memdev *d, struct error *err)
{
	struct stat st;
	int fd;

	if (!d->mem_path)
		fd = memfd_create(d->id, MFD_CLOEXEC);
	else if (!stat(d->mem_path, &st) && S_ISDIR(st.st_mode))
		fd = open(d->mem_path, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	else
		fd = open(d->mem_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || fstat(fd, &st)) {
		error_set(err, "can't open backing store %s for guest RAM: %s", d->mem_path ? d->mem_path : d->id, strerror(errno));
	} else if (st.st_size && (uint64_t)st.st_size < d->size) {
		error_set(err, "backing store size 0x%llx does not match 'size' option 0x%llx", (unsigned long long)st.st_size, (unsigned long long)d->size);
	} else if (!st.st_size && ftruncate(fd, (off_t)d->size)) {
		error_set(err, "can't make backing store %s of %llu bytes: %s", d->mem_path ? d->mem_path : d->id, (unsigned long long)d->size, strerror(errno));
	} else {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

bool memdev_back_ram(struct machine *m, uint64_t ram_addr, struct error *err)
{
	const char *id = m->opt ? m->opt->memory_backend : NULL;
	const struct optlist *o = id ? find(m, id) : NULL;
	struct memdev d;

	if (!id || (!o && !strcmp(id, "pc.ram")))
		return true;
	if (!o)
		return error_set(err, "-machine memory-backend=%s: Memory backend '%s' not found", id, id);
	if (!memdev_parse(o->kv, &d, err))
		return false;
	if (d.size != m->ram_size)
		return error_set(err, "-machine memory-backend=%s: Machine memory size does not match the size of the memory backend", id);
	uint8_t *at = m->ram.host + ram_addr;
	if (strcmp(d.type, "memory-backend-ram")) {
		int fd = open_backing(&d, err);
		if (fd < 0)
			return error_prefix(err, "-object %s: ", o->text);
		void *p = mmap(at, d.size, PROT_READ | PROT_WRITE, MAP_FIXED | (d.share ? MAP_SHARED : MAP_PRIVATE | MAP_NORESERVE), fd, 0);
		close(fd);
		if (p == MAP_FAILED)
			return error_set(err, "-object %s: cannot map guest memory: %s", o->text, strerror(errno));
	}
	if (d.prealloc && madvise(at, d.size, MADV_POPULATE_WRITE))
		return error_set(err, "-object %s: preallocating memory failed: %s", o->text, strerror(errno));
	if (!d.dump)
		madvise(at, d.size, MADV_DONTDUMP);
	return true;
}
