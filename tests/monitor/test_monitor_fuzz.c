/* test_monitor_fuzz.c - both parsers and all handlers under made-up input, drawn from the tables; the sanitized build runs it too. */
#include "core/monitor/commands.h"
#include "core/monitor/internal.h"
#include "core/monitor/qmp_handlers.h"
#include "tests/dev/board.h"
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS = 4, FILE_MAX = 1 << 20 };
static struct machine *m;
static char dir[] = "/tmp/vmux-fuzz-XXXXXX";
static uint32_t seed = 12345;
static bool no_paths;                   /* the command makes files: names without slashes keep them in the folder */

static uint32_t rnd(uint32_t n) { return (seed = seed * 1664525 + 1013904223, seed >> 8) % n; }

static int setup(void **state)
{
	struct rlimit small = { FILE_MAX, FILE_MAX };
	assert_non_null(mkdtemp(dir));
	setenv("XDG_DATA_HOME", dir, 1);        /* snapshots */
	setenv("TMPDIR", dir, 1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	signal(SIGXFSZ, SIG_IGN);
	m = board_new("-serial null -monitor none -parallel none -chardev ringbuf,id=rb,size=64 -m 2");
	return chdir(dir);
}

static int teardown(void **state)
{
	char cmd[64];

	board_free(m);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

/* What takes as long as the numbers say, or ends the program.  Files that are written end at FILE_MAX. */
static bool spared(const char *name)
{
	static const char *const names[] = { "sum", "quit|q", "quit", "qmp_capabilities" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static bool makes_file(const char *name)
{
	static const char *const names[] = { "memsave", "pmemsave", "dump-guest-memory", "logfile", "screendump", "wavcapture", "chardev-add", "chardev-change" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static const char *word(void)
{
	static const char *const words[] = { "ide1-cd0", "floppy0", "rb", "/machine", "/machine/unattached", "all", "help", "none", "on", "off", "1", "-1", "0x7fffffffffffffff",
		"-f", "-d", "$eip", "(", "\"", "\"a b\"", "\\", "null,id=x", "ringbuf,id=y", "pci-testdev,id=z", "pci-serial", "isa-serial", "file", "raw", "node-name=n,driver=file", "if=none,id=w", "f", "%s%n", "vnc",
		"tcp::1-:2", "9999999999999999999999", "'x'", ",,,", "=", "id=", "x=y", "\xff\xfe", "a-b-c", "ctrl-alt-f1", "0x1f-0x2f", "/4xb", "/9i", "1G", "1.5K", "z", "x", "y" };

	const char *w = words[rnd(sizeof(words) / sizeof(words[0]))];

	return no_paths && *w == '/' ? w + 1 : w;
}

static void human_lines(void **state)
{
	time_t end = time(NULL) + SECONDS;
	unsigned n_commands = 0, n_infos = 0;

	while (mon_commands[n_commands].name)
		n_commands++;
	while (mon_infos[n_infos].name)
		n_infos++;
	while (time(NULL) < end) {
		bool info = !rnd(3);
		const struct mon_cmd *c = info ? &mon_infos[rnd(n_infos)] : &mon_commands[rnd(n_commands)];
		struct text out = { 0 };
		char line[2048];
		if (spared(c->name))
			continue;
		no_paths = makes_file(c->name);
		int n = snprintf(line, sizeof(line), "%s%.*s", info ? "info " : "", (int)strcspn(c->name, "|"), c->name);
		for (uint32_t k = rnd(6); k--;)
			n += snprintf(line + n, sizeof(line) - (size_t)n, "%s%s", rnd(8) ? " " : "", word());
		if (!rnd(4))
			line[rnd((uint32_t)n)] = (char)(rnd(255) + 1);
		if (strstr(line, "quit") || strstr(line, "sum "))     /* a letter that was changed may have made one of these */
			continue;
		for (char *slash = line; no_paths && (slash = strchr(slash, '/'));)
			*slash = '_';
		monitor_run_line(m, line, rnd(3), &out);
		text_free(&out);
		monitor_complete_line(m, line, &out);
		text_free(&out);
	}
}

static json_t *value(unsigned depth)
{
	json_t *o;

	switch (rnd(depth < 4 ? 9 : 6)) {
	case 0: return json_null();
	case 1: return json_boolean(rnd(2));
	case 2: return json_integer(rnd(2) ? (json_int_t)rnd(100) - 10 : (json_int_t)rnd(UINT32_MAX) << rnd(32));
	case 3: return json_real(rnd(1000) / 7.0);
	case 4: case 5: return json_string(rnd(2) ? "ide1-cd0" : "rb");
	case 6: return json_pack("[o, o]", value(depth + 1), value(depth + 1));
	case 7: return json_array();
	default:
		o = json_object();
		json_object_set_new(o, rnd(2) ? "data" : "type", value(depth + 1));
		json_object_set_new(o, rnd(2) ? "name" : "id", value(depth + 1));
		return o;
	}
}

/* Mostly of the right type, so that the handlers see it. */
static json_t *fitting(const char *type, size_t len, unsigned depth)
{
	const struct qmp_type *t = qmp_find_type(type, len);
	struct qmp_member member;

	if (!rnd(12) || depth > 6)
		return value(depth);
	if (*type == '[') {
		json_t *a = json_array();
		for (uint32_t k = rnd(3); k--;)
			json_array_append_new(a, fitting(type + 1, len - 2, depth + 1));
		return a;
	}
	if (!strncmp(type, "str", len)) {
		const char *w = word();
		return json_string((uint8_t)*w < 0x80 ? w : "w");
	}
	if (!strncmp(type, "int", len) || !strncmp(type, "number", len))
		return json_integer(rnd(2) ? (json_int_t)rnd(70) - 3 : (json_int_t)((uint64_t)rnd(UINT32_MAX) << rnd(40)));
	if (!strncmp(type, "bool", len))
		return json_boolean(rnd(2));
	if (!strncmp(type, "any", len))
		return value(depth + 1);
	if (!t || t->kind == QMP_ENUM) {
		const char *list = t ? t->spec : type, *w = list;
		size_t n = 0;
		for (uint32_t k = rnd(6) + 1; k-- && qmp_next_word(&list, &w, &n);)
			;
		return json_stringn(w, n);
	}
	json_t *o = json_object();
	for (const char *s = t->spec; qmp_next_member(&s, &member);)
		json_object_set_new(o, member.name, fitting(member.type, member.type_len, depth + 1));
	const char *tag = t->kind == QMP_UNION ? json_string_value(json_object_get(o, t->tag)) : NULL, *list = t->variants, *w;
	for (size_t n; tag && qmp_next_word(&list, &w, &n);) {
		size_t name = strcspn(w, "=");
		const struct qmp_type *extra = strlen(tag) == name && !strncmp(tag, w, name) ? qmp_find_type(w + name + 1, n - name - 1) : NULL;
		for (const char *s = extra ? extra->spec : ""; qmp_next_member(&s, &member);)
			json_object_set_new(o, member.name, fitting(member.type, member.type_len, depth + 1));
	}
	return o;
}

static void machine_calls(void **state)
{
	time_t end = time(NULL) + SECONDS;
	unsigned n = 0;

	while (qmp_commands[n].name)
		n++;
	while (time(NULL) < end) {
		const struct qmp_cmd *c = &qmp_commands[rnd(n)];
		struct error err = { "" };
		struct qmp_member member;
		if (spared(c->name))
			continue;
		json_t *args = json_object();
		no_paths = makes_file(c->name);
		for (const char *s = qmp_members(c); qmp_next_member(&s, &member);)
			if (!member.optional || rnd(2))
				json_object_set_new(args, member.name, fitting(member.type, member.type_len, 0));
		if (!rnd(10))
			json_object_set_new(args, "more", value(0));
		json_t *v = qmp_call(m, c, args, &err), *line = json_object_get(args, "command-line");
		if (!v && !*err.msg && strcmp(c->name, "system_reset"))
			fail_msg("%s: neither a value nor an error (%s)", c->name, json_string_value(line));
		if (v && !qmp_fits(c->ret, v, &err))
			fail_msg("%s: %s", c->name, err.msg);
		json_decref(v);
		json_decref(args);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(human_lines), cmocka_unit_test(machine_calls) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
