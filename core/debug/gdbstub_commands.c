/* gdbstub_commands.c - gdb's packets but the queries: memory, registers, breakpoints, threads, and what resumes or ends. */
#include "core/debug/gdbstub_priv.h"
#include "core/cpu/breakpoint.h"
#include <stdlib.h>
#include <string.h>

static struct cpu *cpu_of(const struct gdbstub *s) { return s->m->cpus[s->cpu]; }

static struct gdb_regs *regs_of(struct gdbstub *s)
{
	if (!s->regs)
		s->regs = gdb_regs_new(s->m->cpus[0]);
	return s->regs;
}

/* ---- memory ---- */

/* Physical address of addr, and how many of len bytes follow it in its page.  False: nothing is mapped there. */
static bool locate(struct gdbstub *s, uint64_t addr, size_t len, uint64_t *phys, size_t *n)
{
	size_t room = PAGE_SIZE - (addr & (PAGE_SIZE - 1));

	*n = len < room ? len : room;
	*phys = addr;
	return s->phys || mmu_translate_debug(cpu_of(s), addr, phys);
}

/* As far as memory goes. */
static size_t read_memory(struct gdbstub *s, uint64_t addr, uint8_t *buf, size_t len)
{
	size_t done = 0, n;
	uint64_t phys;

	for (; done < len; done += n)
		if (!locate(s, addr + done, len - done, &phys, &n) || !space_read_buf(&s->m->mem, phys, buf + done, n))
			break;
	return done;
}

/* All or nothing, as far as translations go; ROM too, as breakpoints of other kinds of debuggers are nobody's concern here. */
static bool write_memory(struct gdbstub *s, uint64_t addr, const uint8_t *buf, size_t len)
{
	size_t n;
	uint64_t phys;

	for (size_t done = 0; done < len; done += n)
		if (!locate(s, addr + done, len - done, &phys, &n))
			return false;
	for (size_t done = 0; done < len; done += n)
		if (!locate(s, addr + done, len - done, &phys, &n) || !space_poke(&s->m->mem, phys, buf + done, n))
			return false;
	return true;
}

static void cmd_read_memory(struct gdbstub *s, const char *p, unsigned len)
{
	uint64_t addr, n;
	uint8_t buf[GDB_PACKET / 2];
	struct text t = { 0 };

	if (!gdb_number_then(&p, ',', &addr) || !gdb_number_then(&p, 0, &n) || n > sizeof(buf)) {
		gdb_error(s, GDB_BAD);
		return;
	}
	size_t got = read_memory(s, addr, buf, n);
	if (!got && n) {
		gdb_error(s, GDB_FAULT);
		return;
	}
	gdb_hex_add(&t, buf, got);
	gdb_send(s, t.s, t.len);
	text_free(&t);
}

static void write_reply(struct gdbstub *s, uint64_t addr, const uint8_t *buf, size_t n)
{
	if (write_memory(s, addr, buf, n))
		gdb_ok(s);
	else
		gdb_error(s, GDB_FAULT);
}

static void cmd_write_memory(struct gdbstub *s, const char *p, unsigned len)
{
	uint64_t addr, n;
	uint8_t buf[GDB_PACKET / 2];

	if (!gdb_number_then(&p, ',', &addr) || !gdb_number_then(&p, ':', &n) || gdb_hex_bytes(p, buf, sizeof(buf)) != (int64_t)n)
		gdb_error(s, GDB_BAD);
	else
		write_reply(s, addr, buf, n);
}

/* The same with the bytes themselves. */
static void cmd_write_binary(struct gdbstub *s, const char *p, unsigned len)
{
	const char *end = p + len;
	uint64_t addr, n;

	if (!gdb_number_then(&p, ',', &addr) || !gdb_number_then(&p, ':', &n) || (uint64_t)(end - p) != n)
		gdb_error(s, GDB_BAD);
	else
		write_reply(s, addr, (const uint8_t *)p, n);
}

/* ---- registers ---- */

static void cmd_read_registers(struct gdbstub *s, const char *p, unsigned len)
{
	struct text t = { 0 };
	uint8_t buf[GDB_REG_MAX];

	for (unsigned n = 0; n < gdb_regs_count(regs_of(s)); n++)
		gdb_hex_add(&t, buf, gdb_reg_get(s->regs, cpu_of(s), n, buf));
	gdb_send(s, t.s, t.len);
	text_free(&t);
}

/* Those the packet has; what the CPU refuses stays as it is. */
static void cmd_write_registers(struct gdbstub *s, const char *p, unsigned len)
{
	uint8_t all[GDB_PACKET / 2];
	int have = gdb_hex_bytes(p, all, sizeof(all));
	unsigned at = 0;

	if (have < 0) {
		gdb_error(s, GDB_BAD);
		return;
	}
	for (unsigned n = 0; n < gdb_regs_count(regs_of(s)); n++) {
		unsigned size = gdb_reg_size(s->regs, n);
		if (at + size > (unsigned)have)
			break;
		gdb_reg_set(s->regs, cpu_of(s), n, all + at);
		at += size;
	}
	gdb_ok(s);
}

static void cmd_read_register(struct gdbstub *s, const char *p, unsigned len)
{
	uint64_t n;
	uint8_t buf[GDB_REG_MAX];
	struct text t = { 0 };
	unsigned size = gdb_number_then(&p, 0, &n) && n < gdb_regs_count(regs_of(s)) ? gdb_reg_get(s->regs, cpu_of(s), (unsigned)n, buf) : 0;

	if (!size) {
		gdb_error(s, GDB_FAULT);
		return;
	}
	gdb_hex_add(&t, buf, size);
	gdb_send(s, t.s, t.len);
	text_free(&t);
}

static void cmd_write_register(struct gdbstub *s, const char *p, unsigned len)
{
	uint64_t n;
	uint8_t buf[GDB_REG_MAX];

	if (!gdb_number_then(&p, '=', &n) || n >= gdb_regs_count(regs_of(s)) || gdb_hex_bytes(p, buf, sizeof(buf)) != (int)gdb_reg_size(s->regs, (unsigned)n))
		gdb_error(s, GDB_BAD);
	else if (!gdb_reg_set(s->regs, cpu_of(s), (unsigned)n, buf))
		gdb_error(s, GDB_FAULT);
	else
		gdb_ok(s);
}

/* ---- breakpoints ---- */

/* KIND,ADDR,LEN; conditions and commands that might follow are not offered. */
static void breakpoint(struct gdbstub *s, const char *p, bool (*change)(struct machine *m, enum break_kind kind, uint64_t addr, uint64_t len))
{
	uint64_t kind, addr, len;

	if (!gdb_number_then(&p, ',', &kind) || !gdb_number_then(&p, ',', &addr) || !gdb_number_then(&p, 0, &len))
		gdb_error(s, GDB_BAD);
	else if (kind >= BREAK_KINDS)
		gdb_reply(s, "%s", "");
	else if (!change(s->m, (enum break_kind)kind, addr, len))
		gdb_error(s, GDB_BAD);
	else
		gdb_ok(s);
}

static void cmd_break_set(struct gdbstub *s, const char *p, unsigned len) { breakpoint(s, p, break_set); }
static void cmd_break_clear(struct gdbstub *s, const char *p, unsigned len) { breakpoint(s, p, break_clear); }

/* ---- threads ---- */

/* Hg: whom g, m and the like are about; Hc: whom c and s are about. */
static void cmd_thread(struct gdbstub *s, const char *p, unsigned len)
{
	char op = *p ? *p++ : 0;
	int cpu;

	if ((op != 'g' && op != 'c') || !gdb_thread_id(s, &p, &cpu) || *p) {
		gdb_error(s, GDB_BAD);
		return;
	}
	if (cpu >= 0)
		*(op == 'g' ? &s->cpu : &s->run_cpu) = (unsigned)cpu;
	gdb_ok(s);
}

static void cmd_alive(struct gdbstub *s, const char *p, unsigned len)
{
	int cpu;

	if (gdb_thread_id(s, &p, &cpu) && !*p)
		gdb_ok(s);
	else
		gdb_error(s, GDB_BAD);
}

/* ---- going on ---- */

static void resume(struct gdbstub *s, const char *p, char what)
{
	struct gdb_actions a = { .of = { 0 } };
	uint64_t addr;

	if (*p) {
		if (!gdb_number_then(&p, 0, &addr)) {
			gdb_error(s, GDB_BAD);
			return;
		}
		struct cpu *c = s->m->cpus[s->run_cpu];
		c->rip = addr;
		c->exc_pending = 0;
	}
	memset(a.of, 'c', s->m->n_cpus);
	a.of[s->run_cpu] = what;
	gdb_resume(s, &a);
}

/* C and S: the signal is thrown away, a machine knows none. */
static const char *after_signal(const char *p)
{
	uint64_t sig;

	return gdb_number(&p, &sig) && (!*p || *p == ';') ? p + (*p == ';') : NULL;
}

static void cmd_continue(struct gdbstub *s, const char *p, unsigned len) { resume(s, p, 'c'); }
static void cmd_step(struct gdbstub *s, const char *p, unsigned len) { resume(s, p, 's'); }

static void with_signal(struct gdbstub *s, const char *p, char what)
{
	if ((p = after_signal(p)))
		resume(s, p, what);
	else
		gdb_error(s, GDB_BAD);
}
static void cmd_continue_signal(struct gdbstub *s, const char *p, unsigned len) { with_signal(s, p, 'c'); }
static void cmd_step_signal(struct gdbstub *s, const char *p, unsigned len) { with_signal(s, p, 's'); }

static void cmd_why(struct gdbstub *s, const char *p, unsigned len)
{
	break_clear_all(s->m);          /* whoever asks knows of none */
	gdb_stop_reply(s);
}

static void cmd_detach(struct gdbstub *s, const char *p, unsigned len)
{
	uint64_t pid = 1;

	if (*p && (*p++ != ';' || !gdb_number_then(&p, 0, &pid) || pid != 1)) {
		gdb_error(s, GDB_BAD);
		return;
	}
	gdb_ok(s);
	gdb_detach(s);
}

static void kill_machine(struct gdbstub *s)
{
	s->killed = true;
	log_printf(s->m, "Terminated via gdb\n");
	machine_quit(s->m, 0);
}
static void cmd_kill(struct gdbstub *s, const char *p, unsigned len) { kill_machine(s); }

/* ---- packets whose first letter is v ---- */

static void cmd_v(struct gdbstub *s, const char *p, unsigned len)
{
	if (!strcmp(p, "Cont?")) {
		gdb_reply(s, "vCont;c;C;s;S;r");
	} else if (!strncmp(p, "Cont", 4)) {
		gdb_vcont(s, p + 4);
	} else if (!strncmp(p, "Attach;", 7)) {
		uint64_t pid;
		p += 7;
		if (gdb_number_then(&p, 0, &pid) && pid == 1)
			gdb_stop_reply(s);
		else
			gdb_error(s, GDB_BAD);
	} else if (!strncmp(p, "Kill;", 5)) {
		gdb_ok(s);
		kill_machine(s);
	} else {
		gdb_reply(s, "%s", "");
	}
}

static void cmd_extended(struct gdbstub *s, const char *p, unsigned len) { gdb_ok(s); }
static void cmd_q(struct gdbstub *s, const char *p, unsigned len) { gdb_query(s, p); }
static void cmd_Q(struct gdbstub *s, const char *p, unsigned len) { gdb_set(s, p); }

void gdb_packet(struct gdbstub *s, char *p, unsigned len)
{
	static const struct { char letter; void (*fn)(struct gdbstub *s, const char *p, unsigned len); } table[] = {
		{ '!', cmd_extended }, { '?', cmd_why }, { 'C', cmd_continue_signal }, { 'D', cmd_detach }, { 'G', cmd_write_registers },
		{ 'H', cmd_thread }, { 'M', cmd_write_memory }, { 'P', cmd_write_register }, { 'Q', cmd_Q }, { 'S', cmd_step_signal },
		{ 'T', cmd_alive }, { 'X', cmd_write_binary }, { 'Z', cmd_break_set }, { 'c', cmd_continue }, { 'g', cmd_read_registers },
		{ 'k', cmd_kill }, { 'm', cmd_read_memory }, { 'p', cmd_read_register }, { 'q', cmd_q }, { 's', cmd_step }, { 'v', cmd_v },
		{ 'z', cmd_break_clear } };

	if (s->m->quitting)
		return;
	gdb_need_stop(s);
	s->busy = true;
	unsigned n = 0, count = sizeof(table) / sizeof(table[0]);
	while (n < count && (!len || table[n].letter != *p))
		n++;
	if (n < count)
		table[n].fn(s, p + 1, len - 1);
	else
		gdb_reply(s, "%s", "");
	s->busy = false;
}
