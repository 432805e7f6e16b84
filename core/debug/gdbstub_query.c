/* gdbstub_query.c - gdb's packets q and Q: what is supported, threads, the target description, monitor commands. */
#include "core/debug/gdbstub_priv.h"
#include "core/cpu/vcpu.h"
#include "core/monitor/monitor.h"
#include <stdlib.h>
#include <string.h>

/* ---- what both can ---- */

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; p; p = strchr(p, ';') ? strchr(p, ';') + 1 : NULL)
		if (!strncmp(p, word, n) && (!p[n] || p[n] == ';'))
			return true;
	return false;
}

/* rest: ":gdbfeature;gdbfeature...", or nothing. */
static void q_supported(struct gdbstub *s, const char *rest)
{
	const char *list = *rest == ':' ? rest + 1 : rest;

	s->multiprocess = has_word(list, "multiprocess+");
	s->swbreak = has_word(list, "swbreak+");
	s->hwbreak = has_word(list, "hwbreak+");
	gdb_reply(s, "PacketSize=%x;qXfer:features:read+;vContSupported+;multiprocess+;QStartNoAckMode+%s%s", GDB_PACKET,
		s->swbreak ? ";swbreak+" : "", s->hwbreak ? ";hwbreak+" : "");
}

/* ---- threads ---- */

static void list_thread(struct gdbstub *s)
{
	struct text t = { 0 };

	for (; s->next_listed < s->m->n_cpus; s->next_listed++) {
		if (!vcpu_present(s->m, s->next_listed))
			continue;
		text_add(&t, t.len ? "," : "m", 1);
		gdb_put_thread(s, s->next_listed, &t);
	}
	if (t.len)
		gdb_send(s, t.s, t.len);
	else
		gdb_reply(s, "l");
	text_free(&t);
}

static void q_first_threads(struct gdbstub *s, const char *rest)
{
	s->next_listed = 0;
	list_thread(s);
}
static void q_more_threads(struct gdbstub *s, const char *rest) { list_thread(s); }

static void q_current(struct gdbstub *s, const char *rest)
{
	struct text t = { 0 };

	text_printf(&t, "QC");
	gdb_put_thread(s, s->cpu, &t);
	gdb_send(s, t.s, t.len);
	text_free(&t);
}

static void q_thread_info(struct gdbstub *s, const char *rest)
{
	static const char *const states[] = { [CPU_RUNNING] = "running", [CPU_HALTED] = "halted", [CPU_WAIT_SIPI] = "waits for start-up",
		[CPU_SHUTDOWN] = "shut down" };
	int cpu;
	struct text t = { 0 };
	char line[64];

	if (!gdb_thread_id(s, &rest, &cpu) || *rest || cpu < 0) {
		gdb_error(s, GDB_BAD);
		return;
	}
	int n = snprintf(line, sizeof(line), "CPU#%d [%s]", cpu, states[s->m->cpus[cpu]->run_state]);
	gdb_hex_add(&t, line, (size_t)n);
	gdb_send(s, t.s, t.len);
	text_free(&t);
}

static void q_attached(struct gdbstub *s, const char *rest) { gdb_reply(s, "1"); }
static void q_symbol(struct gdbstub *s, const char *rest) { gdb_ok(s); }

/* ---- target description: ANNEX:OFFSET,LENGTH ---- */

static void q_features(struct gdbstub *s, const char *rest)
{
	static const char annex[] = "target.xml:";
	uint64_t off, n;
	struct text t = { 0 };

	if (strncmp(rest, annex, sizeof(annex) - 1)) {
		gdb_reply(s, "E00");
		return;
	}
	rest += sizeof(annex) - 1;
	if (!gdb_number_then(&rest, ',', &off) || !gdb_number_then(&rest, 0, &n)) {
		gdb_error(s, GDB_BAD);
		return;
	}
	if (!s->regs)
		s->regs = gdb_regs_new(s->m->cpus[0]);
	const char *xml = gdb_regs_xml(s->regs);
	size_t len = strlen(xml);
	off = off < len ? off : len;
	n = n < GDB_PACKET / 2 ? n : GDB_PACKET / 2;    /* room for escapes */
	bool last = n >= len - off;
	text_add(&t, last ? "l" : "m", 1);
	text_add(&t, xml + off, last ? len - off : n);
	gdb_send(s, t.s, t.len);
	text_free(&t);
}

/* ---- monitor commands ---- */

static void q_command(struct gdbstub *s, const char *rest)
{
	enum { CHUNK = 2048 };
	char line[GDB_PACKET / 2 + 1];
	int n = gdb_hex_bytes(rest, line, sizeof(line) - 1);
	struct text out = { 0 };

	if (n < 0) {
		gdb_error(s, GDB_BAD);
		return;
	}
	line[n] = 0;
	monitor_run_line(s->m, line, s->cpu, &out);
	for (size_t at = 0; at < out.len; at += CHUNK) {
		struct text t = { 0 };
		text_add(&t, "O", 1);
		gdb_hex_add(&t, out.s + at, out.len - at < CHUNK ? out.len - at : CHUNK);
		gdb_send(s, t.s, t.len);
		text_free(&t);
	}
	text_free(&out);
	gdb_ok(s);
}

/* ---- QEMU's own: how a step treats interrupts and time; physical addresses ---- */

static void q_qemu_supported(struct gdbstub *s, const char *rest) { gdb_reply(s, "sstepbits;sstep;PhyMemMode"); }
static void q_step_bits(struct gdbstub *s, const char *rest)
{
	gdb_reply(s, "ENABLE=%x,NOIRQ=%x,NOTIMER=%x", SSTEP_ENABLE, SSTEP_NOIRQ, SSTEP_NOTIMER);
}
static void q_step(struct gdbstub *s, const char *rest) { gdb_reply(s, "0x%x", s->sstep); }
static void q_phys(struct gdbstub *s, const char *rest) { gdb_reply(s, "%d", s->phys); }

static void set_step(struct gdbstub *s, const char *rest)
{
	uint64_t v;

	if (!strncmp(rest, "0x", 2))
		rest += 2;
	if (!gdb_number_then(&rest, 0, &v) || v & ~(uint64_t)SSTEP_ALL) {
		gdb_error(s, GDB_BAD);
		return;
	}
	s->sstep = (unsigned)v;
	gdb_ok(s);
}

static void set_phys(struct gdbstub *s, const char *rest)
{
	uint64_t v;

	if (!gdb_number_then(&rest, 0, &v)) {
		gdb_error(s, GDB_BAD);
		return;
	}
	s->phys = v;
	gdb_ok(s);
}

/* From the next packet on; the answer to this one is still acknowledged. */
static void set_no_ack(struct gdbstub *s, const char *rest)
{
	s->next_no_ack = true;
	gdb_ok(s);
}

/* ---- tables ---- */

/* A word that ends in ':' or ',' takes what follows; one that ends in neither stands alone, but for qSupported and qAttached. */
struct query { const char *word; void (*fn)(struct gdbstub *s, const char *rest); };
static const struct query queries[] = {
	{ "Supported", q_supported }, { "fThreadInfo", q_first_threads }, { "sThreadInfo", q_more_threads }, { "C", q_current },
	{ "ThreadExtraInfo,", q_thread_info }, { "Attached", q_attached }, { "Symbol:", q_symbol }, { "Xfer:features:read:", q_features },
	{ "Rcmd,", q_command }, { "qemu.Supported", q_qemu_supported }, { "qemu.sstepbits", q_step_bits }, { "qemu.sstep", q_step },
	{ "qemu.PhyMemMode", q_phys }, { NULL, NULL } };
static const struct query settings[] = {
	{ "StartNoAckMode", set_no_ack }, { "qemu.sstep=", set_step }, { "qemu.PhyMemMode:", set_phys }, { NULL, NULL } };

static void dispatch(struct gdbstub *s, const struct query *table, const char *p)
{
	for (; table->word; table++) {
		size_t n = strlen(table->word);
		if (strncmp(p, table->word, n))
			continue;
		char last = table->word[n - 1];
		if (last != ':' && last != ',' && last != '=' && p[n] && p[n] != ':')
			continue;
		table->fn(s, p + n);
		return;
	}
	gdb_reply(s, "%s", "");
}

void gdb_query(struct gdbstub *s, const char *p) { dispatch(s, queries, p); }
void gdb_set(struct gdbstub *s, const char *p) { dispatch(s, settings, p); }
