/* vmfile.c - virtual machine files of Proxmox: reading lines, and the table of keys. */
#include "core/machine/vmfile.h"
#include "core/machine/report.h"
#include "core/machine/vmfile_priv.h"
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- words ---------------------------------------------------------------------------------------------------------------------- */

void words_free(char **words)
{
	for (char **w = words; w && *w; w++)
		free(*w);
	free(words);
}

/* One word from *p on; its text goes to out. */
static bool take_word(const char **p, char *out)
{
	char quote = 0;
	const char *s = *p;

	for (; *s && (quote || !isspace((unsigned char)*s)); s++) {
		if (quote ? *s == quote : *s == '\'' || *s == '"')
			quote = quote ? 0 : *s;
		else if (*s == '\\' && s[1] && quote != '\'' && (!quote || strchr("\"\\$`", s[1])))
			*out++ = *++s;
		else
			*out++ = *s;
	}
	*out = 0;
	*p = s;
	return !quote;
}

char **words_split(const char *text)
{
	size_t n = 0;
	char **words = calloc(strlen(text) / 2 + 2, sizeof(*words));

	if (!words)
		abort();
	for (;;) {
		while (isspace((unsigned char)*text))
			text++;
		if (!*text)
			return words;
		if (!(words[n] = malloc(strlen(text) + 1)))
			abort();
		if (!take_word(&text, words[n++])) {
			words_free(words);
			return NULL;
		}
	}
}

/* ---- finding the file -------------------------------------------------------------------------------------------------------------- */

static char *try(const char *dir, const char *name)
{
	for (int conf = 0; conf < 2; conf++) {
		char *path;
		if (asprintf(&path, "%s/%s%s", dir, name, conf ? ".conf" : "") < 0)
			abort();
		if (!access(path, F_OK))
			return path;
		free(path);
	}
	return NULL;
}

static char *find_file(const char *what, struct error *err)
{
	static const char *const system_dirs[] = { "/etc/vmux/vms", "/etc/pve/qemu-server", "/etc/qemu-server" };
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char own[4096], *path = NULL;

	if (strchr(what, '/') || !access(what, F_OK))
		return strdup(what);
	snprintf(own, sizeof(own), "%s%s/vmux/vms", config && *config ? config : home ? home : "", config && *config ? "" : "/.config");
	path = try(own, what);
	for (size_t i = 0; !path && i < sizeof(system_dirs) / sizeof(system_dirs[0]); i++)
		path = try(system_dirs[i], what);
	if (!path)
		error_set(err, "run %s: there is no such file here, nor %s.conf in %s, /etc/vmux/vms, /etc/pve/qemu-server or /etc/qemu-server", what, what, own);
	return path;
}

/* ---- what the keys' functions use ------------------------------------------------------------------------------------------------------ */

void vmfile_warn(struct vmfile *f, const char *why)
{
	report(f->o, "%s:%u: warning: %s is left out: %s", f->path, f->line, f->key, why);
}

bool vmfile_option(struct vmfile *f, const char *name, const char *fmt, ...)
{
	struct error why = { "" };
	char *arg = NULL;
	va_list ap;

	if (fmt) {
		va_start(ap, fmt);
		if (vasprintf(&arg, fmt, ap) < 0)
			abort();
		va_end(ap);
	}
	bool ok = options_apply(f->o, name, arg, &why);
	if (!ok)
		vmfile_warn(f, why.msg);
	free(arg);
	return ok;
}

bool vmfile_flag(const char *value) { return !strcmp(value, "1") || !strcasecmp(value, "on") || !strcasecmp(value, "yes") || !strcasecmp(value, "true"); }

bool vmfile_bad(struct vmfile *f, const char *reason, struct error *err)
{
	return error_set(err, "%s:%u: vm %s - unable to parse value of '%s' - %s", f->path, f->line, f->vmid, f->key, reason);
}

/* ---- lines ------------------------------------------------------------------------------------------------------------------------------ */

/* "ide2" is row "ide" with number 2; rows that end in N take one. */
static const struct vmfile_key *find_key(const char *key, unsigned *n)
{
	size_t len = strlen(key), stem = len;

	while (stem && isdigit((unsigned char)key[stem - 1]))
		stem--;
	*n = stem < len ? (unsigned)strtoul(key + stem, NULL, 10) : 0;
	for (const struct vmfile_key *k = vmfile_keys; k->name; k++) {
		size_t row = strlen(k->name);
		if (!strcmp(k->name, key))
			return k;
		if (k->name[row - 1] == 'N' && row - 1 == stem && stem < len && len - stem < 4 && !strncmp(k->name, key, stem))
			return k;
	}
	return NULL;
}

static bool do_line(struct vmfile *f, char *line, struct error *err)
{
	size_t n = strspn(line, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
	unsigned number;

	if (!n || line[n] != ':')
		return error_set(err, "%s:%u: not a line of the form KEY: VALUE: %.60s", f->path, f->line, line);
	line[n] = 0;
	char *value = line + n + 1;
	value += strspn(value, " \t");
	f->key = line;
	const struct vmfile_key *k = find_key(line, &number);
	if (!k) {
		vmfile_warn(f, "an unknown key");
		return true;
	}
	if (k->set)
		return k->set(f, number, value, err);
	if (k->absent)
		vmfile_warn(f, k->absent);
	return true;
}

static bool read_lines(struct vmfile *f, FILE *in, struct error *err)
{
	char *line = NULL;
	size_t cap = 0;
	bool ok = true;

	for (ssize_t n; ok && (n = getline(&line, &cap, in)) >= 0;) {
		f->line++;
		if (memchr(line, 0, (size_t)n)) {
			ok = error_set(err, "%s:%u: a zero byte; this is not a text file", f->path, f->line);
			break;
		}
		while (n && isspace((unsigned char)line[n - 1]))
			line[--n] = 0;
		if (!n || *line == '#')
			continue;
		if (*line == '[' && line[n - 1] == ']')        /* snapshots and pending changes follow: not the machine of today */
			break;
		ok = do_line(f, line, err);
	}
	free(line);
	return ok;
}

bool vmfile_run(struct options *o, const char *what, struct error *err)
{
	struct vmfile f = { .o = o, .path = find_file(what, err) };
	bool ok = false;

	if (!f.path)
		return false;
	FILE *in = fopen(f.path, "re");
	const char *slash = strrchr(f.path, '/'), *base = slash ? slash + 1 : f.path;
	f.dir = slash ? strndup(f.path, (size_t)(slash - f.path)) : strdup(".");
	f.vmid = strndup(base, strcspn(base, "."));
	if (!in)
		error_set(err, "run %s: Could not open '%s': %s", what, f.path, strerror(errno));
	else
		ok = read_lines(&f, in, err) && vmfile_finish(&f, err);
	if (in)
		fclose(in);
	free(f.path);
	free(f.dir);
	free(f.vmid);
	free(f.boot);
	free(f.bootdisk);
	return ok;
}
