/* remote.c - see remote.h. */
#include "tui/remote.h"
#include "tui/relay.h"
#include "tui/wire.h"
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_MACHINES = 256, ANSWER_MS = 2000 };

/* ---- the list --------------------------------------------------------------------------------------------------------------------- */

static bool ask_machine(const char *path, struct remote_machine *r)
{
	struct wire_msg m;
	int sock = wire_connect(path);
	if (sock < 0)
		return false;
	struct pollfd p = { .fd = sock, .events = POLLIN };
	snprintf(r->state, sizeof r->state, "no answer");
	if (wire_say(sock, WIRE_LIST, 0, 0) && poll(&p, 1, ANSWER_MS) > 0 && wire_recv(sock, &m, NULL) > 0 && m.type == WIRE_DONE) {
		char *field[6] = { m.data };
		for (unsigned i = 1; i < 6; i++) {
			field[i] = strchrnul(field[i - 1], '\t');
			if (*field[i])
				*field[i]++ = 0;
		}
		snprintf(r->state, sizeof r->state, "%.*s", (int)sizeof r->state - 1, field[0]);
		r->seconds = atoll(field[1]);
		r->clients = (unsigned)atoi(field[2]);
		r->pid = atol(field[3]);
		snprintf(r->real_name, sizeof r->real_name, "%.*s", (int)sizeof r->real_name - 1, field[4]);
		snprintf(r->title, sizeof r->title, "%.*s", (int)sizeof r->title - 1, field[5]);
	}
	close(sock);
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct remote_machine *)a)->name, ((const struct remote_machine *)b)->name);
}

unsigned remote_list(struct remote_machine *out, unsigned max)
{
	char dir[200], path[500];
	struct error err;
	unsigned n = 0;
	DIR *d = wire_dir(dir, sizeof dir, false, &err) ? opendir(dir) : NULL;
	for (struct dirent *e; d && n < max && (e = readdir(d)); ) {
		size_t len = strlen(e->d_name);
		if (len < 6 || len - 5 >= sizeof out->name || strcmp(e->d_name + len - 5, ".sock"))
			continue;
		out[n] = (struct remote_machine){ .name = "" };
		snprintf(out[n].name, sizeof out[n].name, "%.*s", (int)(len - 5), e->d_name);
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		n += ask_machine(path, &out[n]);
	}
	if (d)
		closedir(d);
	qsort(out, n, sizeof *out, by_name);
	return n;
}

static void print_age(char *buf, size_t size, long long s)
{
	if (s < 60)
		snprintf(buf, size, "%llds", s);
	else if (s < 3600)
		snprintf(buf, size, "%lldm", s / 60);
	else if (s < 86400)
		snprintf(buf, size, "%lldh%02lldm", s / 3600, s / 60 % 60);
	else
		snprintf(buf, size, "%lldd%02lldh", s / 86400, s / 3600 % 24);
}

static int cmd_ls(int argc, char **argv)
{
	static const size_t size = MOST_MACHINES * sizeof(struct remote_machine);
	struct remote_machine *r = malloc(size);
	char age[32];
	if (!r)
		abort();
	unsigned n = remote_list(r, MOST_MACHINES);
	if (n)
		printf("%-20s %-20s %8s %8s %9s  %s\n", "NAME", "STATE", "SINCE", "PID", "TERMINALS", "TITLE");
	for (unsigned i = 0; i < n; i++) {
		print_age(age, sizeof age, r[i].seconds);
		printf("%-20s %-20s %8s %8ld %9u  %s\n", r[i].name, r[i].state, age, r[i].pid, r[i].clients, r[i].title);
	}
	free(r);
	return 0;
}

/* ---- questions -------------------------------------------------------------------------------------------------------------------- */

/* Print what comes until the answer is whole; its sentence goes to stderr when the status is not 0. */
static int answer(int sock, bool quiet)
{
	struct wire_msg m;
	while (wire_recv(sock, &m, NULL) > 0) {
		if (m.type == WIRE_TEXT)
			fwrite(m.data, 1, m.len, stdout);
		if (m.type != WIRE_DONE)
			continue;
		close(sock);
		if (m.num[0])
			fprintf(stderr, "vmux: %s\n", m.data);
		else if (m.data[0] && !quiet)
			printf("%s\n", m.data);
		return m.num[0];
	}
	close(sock);
	fprintf(stderr, "vmux: the machine ended before it answered\n");
	return 3;
}

struct args { const char *name, *rest[4], *pane, *timeout; unsigned n; bool ansi, read_only, quiet, now, linear; };

/* Options may stand anywhere; what follows "--" is none. */
static bool read_args(int argc, char **argv, unsigned wanted, const char *usage, struct args *a)
{
	bool options = true;
	*a = (struct args){ .pane = "" };
	for (int i = 1; i < argc; i++) {
		const char *s = argv[i];
		if (options && !strcmp(s, "--")) {
			options = false;
		} else if (options && (!strcmp(s, "--pane") || !strcmp(s, "--timeout")) && i + 1 < argc) {
			*(s[2] == 'p' ? &a->pane : &a->timeout) = argv[++i];
		} else if (options && !strcmp(s, "--now")) {
			a->now = true;
		} else if (options && !strcmp(s, "--linear")) {
			a->linear = true;
		} else if (options && !strcmp(s, "--ansi")) {
			a->ansi = true;
		} else if (options && (!strcmp(s, "-r") || !strcmp(s, "--read-only"))) {
			a->read_only = true;
		} else if (options && (!strcmp(s, "-q") || !strcmp(s, "--quiet"))) {
			a->quiet = true;
		} else if ((options && s[0] == '-' && s[1]) || a->n > wanted) {
			a->n = wanted + 1;
			break;
		} else if (!a->n++) {
			a->name = s;
		} else {
			a->rest[a->n - 2] = s;
		}
	}
	if (a->n == wanted)
		return true;
	fprintf(stderr, "vmux: usage: vmux %s\n", usage);
	return false;
}

static int to_machine(const char *name)
{
	struct error err = { "" };
	int sock = wire_connect_name(name, &err);
	if (sock < 0)
		fprintf(stderr, "vmux: %s\n", err.msg);
	return sock;
}

/* first, a zero byte, second; either may be empty. */
static bool pack(struct wire_msg *m, enum wire_type type, const char *first, const char *second)
{
	size_t a = strlen(first) + 1, b = strlen(second);
	if (a + b > WIRE_DATA) {
		fprintf(stderr, "vmux: more than %d bytes at once: send it in pieces\n", WIRE_DATA);
		return false;
	}
	wire_make(m, type, NULL, 0);
	memcpy(m->data, first, a);
	memcpy(m->data + a, second, b);
	m->len = a + b;
	return true;
}

static int cmd_send(int argc, char **argv)
{
	struct args a;
	struct wire_msg m;
	int sock;
	if (!read_args(argc, argv, 2, "send NAME [--pane P] TEXT|<keys>", &a) || !pack(&m, WIRE_SEND, a.rest[0], a.pane) || (sock = to_machine(a.name)) < 0)
		return 1;
	wire_send(sock, &m, -1);
	return answer(sock, true);
}

static int cmd_screen(int argc, char **argv)
{
	struct args a;
	struct wire_msg m;
	int sock;
	if (!read_args(argc, argv, 1, "screen NAME [--pane P] [--ansi]", &a) || (sock = to_machine(a.name)) < 0)
		return 1;
	wire_make(&m, WIRE_SCREEN, a.pane, strlen(a.pane));
	m.num[0] = a.ansi;
	wire_send(sock, &m, -1);
	return answer(sock, true);
}

static int cmd_wait(int argc, char **argv)
{
	struct args a;
	struct wire_msg m;
	char *end;
	int sock;
	if (!read_args(argc, argv, 2, "wait NAME [--pane P] [--timeout SECONDS] [-q] REGEX", &a))
		return 1;
	double seconds = a.timeout ? strtod(a.timeout, &end) : 0;
	if (a.timeout && (*end || !*a.timeout || !(seconds >= 0.001 && seconds <= 2000000))) {
		fprintf(stderr, "vmux: --timeout: seconds are wanted, 0.001 to 2000000\n");
		return 1;
	}
	if (!pack(&m, WIRE_WAIT, a.pane, a.rest[0]) || (sock = to_machine(a.name)) < 0)
		return 1;
	m.num[0] = (int32_t)(seconds * 1000);
	wire_send(sock, &m, -1);
	return answer(sock, a.quiet);
}

static int cmd_stop(int argc, char **argv)
{
	struct args a;
	int sock;
	if (!read_args(argc, argv, 1, "stop NAME [--now]", &a) || (sock = to_machine(a.name)) < 0)
		return 1;
	wire_say(sock, WIRE_STOP, a.now, 0);
	return answer(sock, true);
}

static int cmd_attach(int argc, char **argv)
{
	struct args a;
	struct relay_options o = { .log_fd = -1 };
	if (!read_args(argc, argv, 1, "attach [-r] [--linear] NAME", &a))
		return 1;
	if (a.linear)
		setenv("VMUX_LINEAR", "1", 1);
	const char *complaint = relay_complaint();
	if (complaint) {
		fprintf(stderr, "vmux: %s\n", complaint);
		return 1;
	}
	o.read_only = a.read_only;
	o.sock = to_machine(a.name);
	return o.sock < 0 ? 1 : relay_run(&o);
}

static const struct { const char *word; int (*run)(int argc, char **argv); } commands[] = {
	{ "ls", cmd_ls }, { "attach", cmd_attach }, { "send", cmd_send }, { "wait", cmd_wait }, { "screen", cmd_screen },
	{ "stop", cmd_stop },
};

bool remote_knows(const char *word)
{
	for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++)
		if (!strcmp(word, commands[i].word))
			return true;
	return false;
}

int remote_main(int argc, char **argv)
{
	for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++)
		if (!strcmp(argv[0], commands[i].word))
			return commands[i].run(argc, argv);
	return 1;
}
