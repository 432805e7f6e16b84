/* disas.c - AT&T text of one instruction.  Zydis decodes; the text is made here, because users compare it with what GNU tools print. */
#include "core/debug/disas.h"
#include <Zydis/Zydis.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct buf { char *s; size_t len, size; };

static void put(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(b->s + b->len, b->size - b->len, fmt, ap);
	va_end(ap);
	b->len = n < 0 || b->len + (size_t)n >= b->size ? b->size - 1 : b->len + (size_t)n;
}

struct insn_text {
	ZydisDecodedInstruction i;
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
	uint64_t pc;
	unsigned bits, n;               /* n: operands shown */
};

static char width_letter(unsigned bits)
{
	return bits == 8 ? 'b' : bits == 16 ? 'w' : bits == 32 ? 'l' : bits == 64 ? 'q' : 0;
}

/* Mnemonics whose AT&T spelling carries the operand's width. */
static bool takes_width(const char *m)
{
	static const char list[] = " adc add and bsf bsr bswap bt btc btr bts cmp cmpxchg dec div idiv imul in inc lar lea lsl mov movbe movnti mul neg nop not or "
		"out pop popcnt push rcl rcr rol ror sar sbb shl shld shr shrd sub test xadd xchg xor lzcnt tzcnt crc32 adcx adox andn lgdt lidt "
		"sgdt sidt sldt str smsw lmsw verr verw ltr lldt ";
	char word[64];

	snprintf(word, sizeof(word), " %s ", m);
	return strstr(list, word) || !strncmp(m, "cmov", 4);
}

/* jz -> je and so on: the spelling of the condition. */
static void condition(char *name, size_t size)
{
	static const struct { const char *from, *to; } conds[] = { { "z", "e" }, { "nz", "ne" }, { "nb", "ae" }, { "nbe", "a" }, { "nl", "ge" }, { "nle", "g" } };
	static const char *const heads[] = { "cmov", "set", "j" };

	for (unsigned h = 0; h < 3; h++) {
		size_t n = strlen(heads[h]);
		if (strncmp(name, heads[h], n))
			continue;
		for (unsigned i = 0; i < sizeof(conds) / sizeof(conds[0]); i++)
			if (!strcmp(name + n, conds[i].from)) {
				snprintf(name + n, size - n, "%s", conds[i].to);
				return;
			}
	}
}

/* Spellings that share nothing but the meaning.  False: not one of them. */
static bool special(const struct insn_text *t, char *name, size_t size)
{
	static const struct { ZydisMnemonic m; const char *text; } words[] = { { ZYDIS_MNEMONIC_CBW, "cbtw" }, { ZYDIS_MNEMONIC_CWDE, "cwtl" },
		{ ZYDIS_MNEMONIC_CDQE, "cltq" }, { ZYDIS_MNEMONIC_CWD, "cwtd" }, { ZYDIS_MNEMONIC_CDQ, "cltd" }, { ZYDIS_MNEMONIC_CQO, "cqto" },
		{ ZYDIS_MNEMONIC_MOVSXD, "movslq" }, { ZYDIS_MNEMONIC_MOVSD, "movsl" }, { ZYDIS_MNEMONIC_STOSD, "stosl" }, { ZYDIS_MNEMONIC_LODSD, "lodsl" },
		{ ZYDIS_MNEMONIC_SCASD, "scasl" }, { ZYDIS_MNEMONIC_CMPSD, "cmpsl" }, { ZYDIS_MNEMONIC_INSD, "insl" }, { ZYDIS_MNEMONIC_OUTSD, "outsl" },
		{ ZYDIS_MNEMONIC_IRET, "iretw" }, { ZYDIS_MNEMONIC_IRETD, "iretl" }, { ZYDIS_MNEMONIC_PUSHFD, "pushfl" }, { ZYDIS_MNEMONIC_POPFD, "popfl" },
		{ ZYDIS_MNEMONIC_PUSHAD, "pushal" }, { ZYDIS_MNEMONIC_POPAD, "popal" }, { ZYDIS_MNEMONIC_PUSHA, "pushaw" }, { ZYDIS_MNEMONIC_POPA, "popaw" },
		{ ZYDIS_MNEMONIC_PUSHF, "pushfw" }, { ZYDIS_MNEMONIC_POPF, "popfw" } };
	ZydisMnemonic m = t->i.mnemonic;
	bool far = t->i.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR;
	char w = width_letter(t->i.operand_width);

	if (m == ZYDIS_MNEMONIC_MOVZX || m == ZYDIS_MNEMONIC_MOVSX) {
		snprintf(name, size, "mov%c%c%c", m == ZYDIS_MNEMONIC_MOVZX ? 'z' : 's', width_letter(t->op[1].size), width_letter(t->op[0].size));
		return true;
	}
	if ((m == ZYDIS_MNEMONIC_MOVSD || m == ZYDIS_MNEMONIC_CMPSD) && t->n)
		return false;           /* the SSE instructions of the same name */
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].m == m) {
			snprintf(name, size, "%s", words[i].text);
			return true;
		}
	if (m == ZYDIS_MNEMONIC_RET)
		snprintf(name, size, "%sret%c", far ? "l" : "", w);
	else if (m == ZYDIS_MNEMONIC_CALL || (m == ZYDIS_MNEMONIC_JMP && far))
		snprintf(name, size, "%s%s%c", far ? "l" : "", m == ZYDIS_MNEMONIC_CALL ? "call" : "jmp", w);
	else if (m == ZYDIS_MNEMONIC_JMP && t->op[0].type != ZYDIS_OPERAND_TYPE_IMMEDIATE)
		snprintf(name, size, "jmp%c", w);
	else if (m == ZYDIS_MNEMONIC_SYSRET || m == ZYDIS_MNEMONIC_SYSEXIT)
		snprintf(name, size, "%s%c", ZydisMnemonicGetString(m), t->i.operand_width == 64 ? 'q' : 'l');
	else
		return false;
	return true;
}

static void mnemonic(const struct insn_text *t, char *name, size_t size)
{
	if (special(t, name, size))
		return;
	snprintf(name, size, "%s", ZydisMnemonicGetString(t->i.mnemonic));
	condition(name, size);
	size_t n = strlen(name);
	bool x87 = t->i.meta.category == ZYDIS_CATEGORY_X87_ALU && t->n && t->op[0].type == ZYDIS_OPERAND_TYPE_MEMORY;
	if (x87 && strcmp(name, "fldcw") && strcmp(name, "fnstcw") && strcmp(name, "fnstsw")) {
		bool integer = name[1] == 'i';
		unsigned b = t->op[0].size;
		snprintf(name + n, size - n, "%s", b == 80 ? "t" : b == 64 ? integer ? "ll" : "l" : b == 32 ? integer ? "l" : "s" : "");
		return;
	}
	if (!t->n || !takes_width(name))
		return;
	/* of `out` and port numbers the accumulator's width counts */
	const ZydisDecodedOperand *o = &t->op[t->i.mnemonic == ZYDIS_MNEMONIC_OUT ? 1 : 0];
	char w = width_letter(o->type == ZYDIS_OPERAND_TYPE_IMMEDIATE || t->i.mnemonic == ZYDIS_MNEMONIC_PUSH || t->i.mnemonic == ZYDIS_MNEMONIC_POP ?
		t->i.operand_width : o->size);
	if (o->type == ZYDIS_OPERAND_TYPE_REGISTER && ZydisRegisterGetClass(o->reg.value) > ZYDIS_REGCLASS_GPR64)
		w = width_letter(t->n > 1 ? t->op[1].size : o->size);   /* mov to a segment or control register */
	if (t->i.mnemonic >= ZYDIS_MNEMONIC_LGDT && strspn(name, "lsgidt") == n)
		w = width_letter(t->i.operand_width);
	if (t->i.mnemonic == ZYDIS_MNEMONIC_MOV && t->op[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && t->i.raw.imm[0].size == 64)
		snprintf(name + n, size - n, "absq");
	else if (w)
		snprintf(name + n, size - n, "%c", w);
}

static void number(struct buf *b, const char *lead, int64_t v)
{
	uint64_t a = v < 0 ? -(uint64_t)v : (uint64_t)v;
	put(b, a > 9 ? "%s%s0x%" PRIx64 : "%s%s%" PRIu64, lead, v < 0 ? "-" : "", a);
}

static void memory(struct buf *b, const struct insn_text *t, const ZydisDecodedOperand *o)
{
	bool has_base = o->mem.base != ZYDIS_REGISTER_NONE, has_index = o->mem.index != ZYDIS_REGISTER_NONE;
	const char *sep = "";

	if (t->i.attributes & ZYDIS_ATTRIB_HAS_SEGMENT && o->mem.segment != ZYDIS_REGISTER_NONE)
		put(b, "%%%s:", ZydisRegisterGetString(o->mem.segment));
	if (!has_base && !has_index) {
		uint64_t mask = t->i.address_width == 64 ? ~UINT64_C(0) : (UINT64_C(1) << t->i.address_width) - 1;
		put(b, "0x%" PRIx64, (uint64_t)o->mem.disp.value & mask);
		return;
	}
	if (o->mem.disp.has_displacement && (o->mem.disp.value || o->mem.base == ZYDIS_REGISTER_RIP))
		number(b, "", o->mem.disp.value);
	put(b, "(");
	if (has_base) {
		put(b, "%%%s", ZydisRegisterGetString(o->mem.base));
		sep = ", ";
	}
	if (has_index) {
		put(b, "%s%%%s", *sep ? sep : ", ", ZydisRegisterGetString(o->mem.index));
		if (o->mem.scale > 1)
			put(b, ", %d", o->mem.scale);
	}
	put(b, ")");
}

static void operand(struct buf *b, const struct insn_text *t, const ZydisDecodedOperand *o)
{
	bool indirect = t->i.meta.category == ZYDIS_CATEGORY_CALL || t->i.meta.category == ZYDIS_CATEGORY_UNCOND_BR;
	ZyanU64 target;

	switch (o->type) {
	case ZYDIS_OPERAND_TYPE_REGISTER:
		put(b, "%s%%%s", indirect ? "*" : "", ZydisRegisterGetString(o->reg.value));
		break;
	case ZYDIS_OPERAND_TYPE_MEMORY:
		put(b, "%s", indirect ? "*" : "");
		memory(b, t, o);
		break;
	case ZYDIS_OPERAND_TYPE_POINTER:
		put(b, "$0x%x:$0x%x", o->ptr.segment, o->ptr.offset);
		break;
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		if (o->imm.is_relative && ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&t->i, o, t->pc, &target))) {
			/* a 16-bit target wraps inside its segment, of which only the offset is computed here */
			put(b, "0x%" PRIx64, t->bits == 16 ? (t->pc & ~UINT64_C(0xffff)) | (target & 0xffff) : t->bits == 32 ? (uint32_t)target : target);
			break;
		}
		number(b, "$", o->imm.is_signed ? o->imm.value.s : (int64_t)o->imm.value.u);
		break;
	default:
		break;
	}
}

unsigned disas_one(const uint8_t *code, size_t len, uint64_t pc, unsigned bits, char *out, size_t size)
{
	struct insn_text t = { .pc = pc, .bits = bits };
	struct buf b = { out, 0, size };
	ZydisDecoder d;
	char name[48];

	ZydisDecoderInit(&d, bits == 64 ? ZYDIS_MACHINE_MODE_LONG_64 : bits == 32 ? ZYDIS_MACHINE_MODE_LEGACY_32 : ZYDIS_MACHINE_MODE_LEGACY_16,
		bits == 64 ? ZYDIS_STACK_WIDTH_64 : bits == 32 ? ZYDIS_STACK_WIDTH_32 : ZYDIS_STACK_WIDTH_16);
	*out = 0;
	if (ZYAN_FAILED(ZydisDecoderDecodeFull(&d, code, len, &t.i, t.op)))
		return 0;
	t.n = t.i.mnemonic == ZYDIS_MNEMONIC_NOP && t.i.operand_count_visible ? 1 : t.i.operand_count_visible;
	mnemonic(&t, name, sizeof(name));
	const char *prefix = t.i.attributes & ZYDIS_ATTRIB_HAS_LOCK ? "lock " : t.i.attributes & ZYDIS_ATTRIB_HAS_REP ? "rep " :
		t.i.attributes & ZYDIS_ATTRIB_HAS_REPE ? "repe " : t.i.attributes & ZYDIS_ATTRIB_HAS_REPNE ? "repne " : "";
	if (*prefix)
		put(&b, "%s%s ", prefix, name);
	else
		put(&b, "%-8s ", name);
	for (unsigned i = t.n; i-- > 0;) {
		operand(&b, &t, &t.op[i]);
		if (i)
			put(&b, ", ");
	}
	return t.i.length;
}
