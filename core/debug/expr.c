/* expr.c - recursive descent over the monitor's integer expressions. */
#include "core/debug/expr.h"
#include "core/cpu/cpu.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 200 };               /* parentheses and signs a line can hold are bounded, but the stack should not show it */
struct parser { const char *p; const struct cpu *cpu; bool file_follows; unsigned depth; struct error *err; };

static bool sum(struct parser *x, int64_t *v);

static void blanks(struct parser *x)
{
	while (isspace((unsigned char)*x->p))
		x->p++;
}

bool expr_register(const struct cpu *c, const char *name, int64_t *val)
{
	static const struct { const char *names; uint8_t reg; } gpr[] = { { "eax|rax", RAX }, { "ecx|rcx", RCX }, { "edx|rdx", RDX }, { "ebx|rbx", RBX },
		{ "esp|sp|rsp", RSP }, { "ebp|fp|rbp", RBP }, { "esi|rsi", RSI }, { "edi|rdi", RDI }, { "r8", R8 }, { "r9", R9 }, { "r10", R10 },
		{ "r11", R11 }, { "r12", R12 }, { "r13", R13 }, { "r14", R14 }, { "r15", R15 } };
	static const struct { const char *name; uint8_t seg; } segs[] = { { "cs", SEG_CS }, { "ds", SEG_DS }, { "es", SEG_ES }, { "ss", SEG_SS },
		{ "fs", SEG_FS }, { "gs", SEG_GS } };
	bool wide = c->mode & M_CS64;
	size_t n = strlen(name);

	if (!n)
		return false;
	for (unsigned i = 0; i < sizeof(gpr) / sizeof(gpr[0]); i++)
		for (const char *s = gpr[i].names; s; s = strchr(s, '|') ? strchr(s, '|') + 1 : NULL)
			if (strcspn(s, "|") == n && !strncmp(s, name, n)) {
				*val = (int64_t)(wide ? c->regs[gpr[i].reg] : (uint32_t)c->regs[gpr[i].reg]);
				return true;
			}
	for (unsigned i = 0; i < sizeof(segs) / sizeof(segs[0]); i++)
		if (!strcmp(segs[i].name, name)) {
			*val = c->seg[segs[i].seg].sel;
			return true;
		}
	if (!strcmp(name, "eflags") || !strcmp(name, "rflags"))
		*val = cpu_get_eflags(c);
	else if (!strcmp(name, "eip") || !strcmp(name, "rip"))
		*val = (int64_t)c->rip;
	else if (!strcmp(name, "pc"))
		*val = (int64_t)(c->rip + (wide ? 0 : c->seg[SEG_CS].base));
	else if (!strcmp(name, "cr0"))
		*val = (int64_t)c->cr0;
	else if (!strcmp(name, "cr2"))
		*val = (int64_t)c->cr2;
	else if (!strcmp(name, "cr3"))
		*val = (int64_t)c->cr3;
	else if (!strcmp(name, "cr4"))
		*val = (int64_t)c->cr4;
	else if (!strcmp(name, "efer"))
		*val = (int64_t)c->efer;
	else
		return false;
	return true;
}

static bool character(struct parser *x, int64_t *v)
{
	if (!x->p[1] || x->p[2] != '\'' || x->p[1] == '\'')
		return error_set(x->err, "missing terminating ' character");
	*v = (uint8_t)x->p[1];
	x->p += 3;
	return true;
}

static bool cpu_register(struct parser *x, int64_t *v)
{
	char name[32];
	size_t n = 0;

	for (x->p++; isalnum((unsigned char)*x->p) || *x->p == '_' || *x->p == '.'; x->p++)
		if (n + 1 < sizeof(name))
			name[n++] = *x->p;
	name[n] = 0;
	if (!x->cpu || !expr_register(x->cpu, name, v))
		return error_set(x->err, "unknown register");
	return true;
}

static bool literal(struct parser *x, int64_t *v)
{
	char *end;

	if (!*x->p)
		return error_set(x->err, "unexpected end of expression");
	errno = 0;
	*v = (int64_t)strtoull(x->p, &end, 0);
	if (errno == ERANGE)
		return error_set(x->err, "number too large");
	if (!isdigit((unsigned char)*x->p) || end == x->p)
		return error_set(x->err, "invalid char '%c' in expression", *x->p);
	x->p = end;
	return true;
}

static bool unary(struct parser *x, int64_t *v)
{
	bool ok;

	if (x->depth >= DEPTH_MAX)
		return error_set(x->err, "expression is nested too deeply");
	x->depth++;
	blanks(x);
	char op = *x->p;
	switch (op) {
	case '+': case '-': case '~':
		x->p++;
		ok = unary(x, v);
		if (ok)
			*v = op == '-' ? (int64_t)-(uint64_t)*v : op == '~' ? ~*v : *v;
		break;
	case '(':
		x->p++;
		ok = sum(x, v);
		if (ok && *x->p != ')')
			ok = error_set(x->err, "')' expected");
		else if (ok)
			x->p++;
		break;
	case '\'':
		ok = character(x, v);
		break;
	case '$':
		ok = cpu_register(x, v);
		break;
	default:
		ok = literal(x, v);
		break;
	}
	x->depth--;
	return ok;
}

/* The operator at p, or 0; what follows a blank may be the next argument. */
static char operator(struct parser *x, const char *set)
{
	bool blank = isspace((unsigned char)*x->p);

	blanks(x);
	if (!*x->p || !strchr(set, *x->p))
		return 0;
	if (x->file_follows && blank && x->p[0] == '/' && x->p[1] && !isspace((unsigned char)x->p[1]))
		return 0;
	return *x->p;
}

static bool product(struct parser *x, int64_t *v)
{
	int64_t b;
	char op;

	if (!unary(x, v))
		return false;
	while ((op = operator(x, "*/%"))) {
		x->p++;
		if (!unary(x, &b))
			return false;
		if (op == '*') {
			*v = (int64_t)((uint64_t)*v * (uint64_t)b);
			continue;
		}
		if (!b)
			return error_set(x->err, "division by zero");
		if (b == -1)            /* INT64_MIN / -1 traps */
			*v = op == '/' ? (int64_t)-(uint64_t)*v : 0;
		else
			*v = op == '/' ? *v / b : *v % b;
	}
	return true;
}

static bool bits(struct parser *x, int64_t *v)
{
	int64_t b;
	char op;

	if (!product(x, v))
		return false;
	while ((op = operator(x, "&|^"))) {
		x->p++;
		if (!product(x, &b))
			return false;
		*v = op == '&' ? *v & b : op == '|' ? *v | b : *v ^ b;
	}
	return true;
}

static bool sum(struct parser *x, int64_t *v)
{
	int64_t b;
	char op;

	if (!bits(x, v))
		return false;
	while ((op = operator(x, "+-"))) {
		x->p++;
		if (!bits(x, &b))
			return false;
		*v = (int64_t)(op == '+' ? (uint64_t)*v + (uint64_t)b : (uint64_t)*v - (uint64_t)b);
	}
	return true;
}

bool expr_eval(const char **p, const struct cpu *cpu, bool file_follows, int64_t *val, struct error *err)
{
	struct parser x = { .p = *p, .cpu = cpu, .file_follows = file_follows, .err = err };

	if (!sum(&x, val))
		return false;
	blanks(&x);
	*p = x.p;
	return true;
}
