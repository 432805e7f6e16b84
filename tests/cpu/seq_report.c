/* seq_report.c - make a failing sequence small and print it. */
#include "tests/cpu/seq.h"
#include <Zydis/Zydis.h>
#include <inttypes.h>
#include <string.h>

static bool fails(struct seq_rig *rig, struct seq *s, unsigned noise, unsigned hot)
{
	char why[200];
	seq_lay_out(s);
	for (unsigned n = 0; n < (noise ? 20 : 1); n++)
		if (!seq_run(rig, s, noise, hot, 3, why, sizeof why))
			return true;
	return false;
}

/* A register, flag or vector that need not be what it is becomes 0. */
static void simplify_start(struct seq_rig *rig, struct seq *s, unsigned noise, unsigned hot)
{
	for (unsigned n = 0; n < 16; n++) {
		uint64_t was = s->start.gpr[n];
		if (n == RSP || (s->pointers >> n & 1) || !was)
			continue;
		s->start.gpr[n] = n == s->loop ? 1 : 0;
		if (!fails(rig, s, noise, hot))
			s->start.gpr[n] = was;
	}
	uint64_t flags = s->start.rflags;
	s->start.rflags = 0x202;
	if (!fails(rig, s, noise, hot))
		s->start.rflags = flags;
}

void seq_minimise(struct seq_rig *rig, struct seq *s, unsigned noise, unsigned hot)
{
	if (noise && fails(rig, s, 0, hot))
		noise = 0;
	for (unsigned chunk = 16, changed = 1; chunk; chunk = changed && chunk == 1 ? 1 : chunk / 2) {
		changed = 0;
		for (unsigned n = 0; n + 1 < s->n; n += chunk) {
			bool was[16] = { false };
			unsigned count = n + chunk < s->n ? chunk : s->n - n, any = 0;
			for (unsigned k = 0; k < count; k++) {
				if (s->atom[n + k].victim)      /* stores into it would hit something else */
					continue;
				was[k] = s->atom[n + k].off;
				any |= !was[k];
				s->atom[n + k].off = true;
			}
			if (any && fails(rig, s, noise, hot)) {
				changed = 1;
				continue;
			}
			for (unsigned k = 0; k < count; k++)
				if (!s->atom[n + k].victim)
					s->atom[n + k].off = was[k];
		}
	}
	simplify_start(rig, s, noise, hot);
	seq_lay_out(s);
}

static void print_atom(FILE *f, const struct seq *s, const struct seq_atom *a)
{
	for (unsigned n = 0; n < a->len;) {
		ZydisDisassembledInstruction d;
		bool ok = ZYAN_SUCCESS(ZydisDisassembleIntel(s->mode == DIFF_64 ? ZYDIS_MACHINE_MODE_LONG_64 : ZYDIS_MACHINE_MODE_LEGACY_32, a->at + n, a->code + n, a->len - n, &d));
		unsigned len = ok ? d.info.length : 1;
		fprintf(f, "  %08x ", a->at + n);
		for (unsigned k = 0; k < 12; k++)
			fprintf(f, k < len ? " %02x" : "   ", a->code[n + k < sizeof a->code ? n + k : 0]);
		fprintf(f, "  %s\n", ok ? d.text : "?");
		n += len;
	}
}

void seq_print(FILE *f, const struct seq *s)
{
	static const char *const names[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15" };
	fprintf(f, "%s, CPL %u%s\n", diff_mode_names[s->mode], s->user ? 3 : 0, s->alignment ? ", CR0.AM" : "");
	for (unsigned n = 0; n < 16; n++)
		if (s->start.gpr[n])
			fprintf(f, "  %s=%" PRIx64, names[n], s->start.gpr[n]);
	fprintf(f, "  flags=%" PRIx64 " mxcsr=%02x%02x fcw=%02x%02x data seed %" PRIx64 "\n", s->start.rflags, s->start.fx[FX_MXCSR + 1], s->start.fx[FX_MXCSR],
		s->start.fx[1], s->start.fx[0], s->data_seed);
	for (unsigned n = 0; n < s->n; n++) {
		if (!n || s->atom[n].section != s->atom[n - 1].section)
			fprintf(f, " section %u\n", s->atom[n].section);
		if (!s->atom[n].off)
			print_atom(f, s, &s->atom[n]);
	}
}
