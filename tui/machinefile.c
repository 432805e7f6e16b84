/* machinefile.c - see machinefile.h. */
#include "tui/machinefile.h"
#include "tui/config.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_RUNNING = 128, LARGEST_FILE = 1 << 20, CPUS_MOST = 64, MEMORY_MOST = 1000000 };     /* as many as -smp takes; MiB, a little below what 40 address bits hold */
static const uint64_t largest_disk = UINT64_C(1) << 46;

bool machinefile_folder(char *buf, size_t size, bool make)
{
	if (!config_path("machines", buf, size, make))
		return false;
	if (make)
		mkdir(buf, 0777);
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct machinefile *)a)->name, ((const struct machinefile *)b)->name);
}

/* NAME.ini or NAME.conf: the length of NAME, otherwise 0. */
static size_t stem(const char *file)
{
	const char *dot = strrchr(file, '.');
	return dot && file[0] != '.' && (!strcmp(dot, ".ini") || !strcmp(dot, ".conf")) && dot - file < MACHINE_NAME ? (size_t)(dot - file) : 0;
}

unsigned machinefile_list(struct machinefile *out, unsigned max)
{
	char dir[1024];
	unsigned n = 0, running;
	struct remote_machine *live = calloc(MOST_RUNNING, sizeof *live);
	if (!live)
		abort();
	DIR *d = machinefile_folder(dir, sizeof dir, false) ? opendir(dir) : NULL;
	for (struct dirent *e; d && n < max && (e = readdir(d)); ) {
		size_t len = stem(e->d_name);
		if (!len)
			continue;
		out[n] = (struct machinefile){ .name = "" };
		snprintf(out[n].name, sizeof out[n].name, "%.*s", (int)len, e->d_name);
		snprintf(out[n++].path, sizeof out->path, "%.1000s/%.60s", dir, e->d_name);
	}
	if (d)
		closedir(d);
	running = remote_list(live, MOST_RUNNING);
	for (unsigned i = 0; i < running; i++) {
		unsigned k = 0;
		while (k < n && strcmp(out[k].name, live[i].name))
			k++;
		if (k == max)
			break;
		if (k == n) {
			out[n] = (struct machinefile){ .name = "" };
			snprintf(out[n++].name, sizeof out->name, "%s", live[i].name);
		}
		out[k].running = true;
		out[k].live = live[i];
	}
	free(live);
	qsort(out, n, sizeof *out, by_name);
	return n;
}

/* ---- new -------------------------------------------------------------------------------------------------------------------------- */

static bool check_name(const char *s, struct error *err)
{
	if (!*s || strlen(s) >= MACHINE_NAME || strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-") != strlen(s))
		return error_set(err, "a name has letters, digits, _ + and -, at most %d of them", MACHINE_NAME - 1);
	return true;
}

/* NAME.ini or NAME.conf, or another file of the folder. */
static bool is_taken(const char *name, const char *ending)
{
	char dir[1024], path[1200];
	if (!machinefile_folder(dir, sizeof dir, false))
		return false;
	snprintf(path, sizeof path, "%.1000s/%.63s%s", dir, name, ending);
	return !access(path, F_OK);
}

static bool check_new_name(const char *s, struct error *err)
{
	if (!check_name(s, err))
		return false;
	return (!is_taken(s, ".ini") && !is_taken(s, ".conf")) || error_set(err, "there is a machine \"%s\" already", s);
}

static bool check_number(const char *s, unsigned long low, unsigned long high, const char *what, struct error *err)
{
	char *end;
	unsigned long v = strtoul(s, &end, 10);
	return (*s >= '0' && *s <= '9' && !*end && v >= low && v <= high) || error_set(err, "%s: a number from %lu to %lu is wanted", what, low, high);
}

/* "8G", "512M", or "none" = 0. */
static bool disk_size(const char *s, uint64_t *bytes, struct error *err)
{
	char *end;
	unsigned long long v = strtoull(s, &end, 10);
	unsigned shift = *end == 'M' || *end == 'm' ? 20 : *end == 'G' || *end == 'g' ? 30 : *end == 'T' || *end == 't' ? 40 : 0;
	*bytes = 0;
	if (!strcmp(s, "none"))
		return true;
	if (*s < '0' || *s > '9' || !shift || end[1] || !v || v > largest_disk >> shift)
		return error_set(err, "the disk's size is written like 512M or 8G, or none");
	*bytes = v << shift;
	return true;
}

static void or_default(char *field, size_t size, const char *value)
{
	if (!*field)
		snprintf(field, size, "%s", value);
}

static bool check_disk(const struct machineform *f, struct error *err)
{
	uint64_t bytes;
	if (!disk_size(f->disk, &bytes, err))
		return false;
	return !bytes || !is_taken(f->name, ".raw") || error_set(err, "%s.raw is in the folder already and is not overwritten; none makes no disk", f->name);
}

/* ~/ is the user's folder, as in a shell. */
static bool check_cd(struct machineform *f, struct error *err)
{
	const char *home = getenv("HOME");
	char path[sizeof f->cd];
	struct stat st;
	if (!strcmp(f->cd, "none"))
		f->cd[0] = 0;
	if (!strncmp(f->cd, "~/", 2) && home) {
		if (snprintf(path, sizeof path, "%s%s", home, f->cd + 1) >= (int)sizeof path)
			return error_set(err, "%s: the name is too long", f->cd);
		memcpy(f->cd, path, sizeof path);
	}
	if (strpbrk(f->cd, "\"\n"))
		return error_set(err, "a file's name with a \" cannot stand in a machine file");
	if (!f->cd[0])
		return true;
	if (access(f->cd, R_OK) || stat(f->cd, &st))
		return error_set(err, "%s: %s", f->cd, strerror(errno));
	return !S_ISDIR(st.st_mode) || error_set(err, "%s is a folder; a CD image is a file", f->cd);
}

bool machineform_check(struct machineform *f, unsigned field, struct error *err)
{
	switch (field) {
	case 0: return check_new_name(f->name, err);
	case 1: or_default(f->memory, sizeof f->memory, "512"); return check_number(f->memory, 1, MEMORY_MOST, "memory", err);
	case 2: or_default(f->cpus, sizeof f->cpus, "1"); return check_number(f->cpus, 1, CPUS_MOST, "CPUs", err);
	case 3: or_default(f->disk, sizeof f->disk, "8G"); return check_disk(f, err);
	default: return check_cd(f, err);
	}
}

static bool make_disk(const char *path, uint64_t bytes, struct error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_set(err, "%s: %s", path, strerror(errno));
	bool ok = !ftruncate(fd, (off_t)bytes);
	if (!ok) {
		error_set(err, "%s: %s", path, strerror(errno));
		unlink(path);
	}
	close(fd);
	return ok;
}

bool machinefile_new(const struct machineform *f, struct error *err)
{
	char dir[1024], path[1100], disk[1100], *cd = f->cd[0] ? realpath(f->cd, NULL) : NULL;
	uint64_t bytes;
	bool ok = false;
	machinefile_folder(dir, sizeof dir, true);
	snprintf(path, sizeof path, "%.1000s/%s.ini", dir, f->name);
	snprintf(disk, sizeof disk, "%.1000s/%s.raw", dir, f->name);
	if (!disk_size(f->disk, &bytes, err) || strchr(dir, '"'))
		goto out;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0) {
		error_set(err, "%s: %s", path, strerror(errno));
		goto out;
	}
	if (bytes && !make_disk(disk, bytes, err)) {
		close(fd);
		unlink(path);
		goto out;
	}
	FILE *o = fdopen(fd, "w");
	fprintf(o, "# vmux -readconfig %s\n[name]\n  guest = \"%s\"\n[memory]\n  size = \"%s\"\n[smp-opts]\n  cpus = \"%s\"\n", path, f->name, f->memory, f->cpus);
	if (bytes)
		fprintf(o, "[drive \"disk0\"]\n  file = \"%s\"\n  format = \"raw\"\n  if = \"ide\"\n  index = \"0\"\n  media = \"disk\"\n", disk);
	if (cd)
		fprintf(o, "[drive \"cd0\"]\n  file = \"%s\"\n  format = \"raw\"\n  if = \"ide\"\n  index = \"2\"\n  media = \"cdrom\"\n[boot-opts]\n  order = \"dc\"\n", cd);
	ok = !fclose(o) || error_set(err, "%s: %s", path, strerror(errno));
out:
	free(cd);
	return ok;
}

/* ---- clone ------------------------------------------------------------------------------------------------------------------------ */

bool machinefile_clone(const struct machinefile *m, const char *name, struct error *err)
{
	char path[1100];
	const char *dot = strrchr(m->path, '.'), *slash = strrchr(m->path, '/');
	struct stat st;
	if (!check_new_name(name, err))
		return false;
	snprintf(path, sizeof path, "%.*s/%s%s", (int)(slash - m->path), m->path, name, dot);
	int from = open(m->path, O_RDONLY | O_CLOEXEC), to = -1;
	if (from < 0 || fstat(from, &st) || st.st_size > LARGEST_FILE) {
		error_set(err, "%s: %s", m->path, from < 0 ? strerror(errno) : "too large for a machine's file");
		goto fail;
	}
	char *text = malloc((size_t)st.st_size + 1);
	ssize_t n = text ? read(from, text, (size_t)st.st_size) : -1;
	to = n >= 0 ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644) : -1;
	if (to < 0 || write(to, text, (size_t)n) != n)
		error_set(err, "%s: %s", path, strerror(errno));
	else
		err->msg[0] = 0;
	free(text);
	close(from);
	if (to >= 0)
		close(to);
	return !err->msg[0];
fail:
	if (from >= 0)
		close(from);
	return false;
}
