/* families.c - which group an instruction belongs to: what -accel jit,off= switches. */
#include "core/jit/families.h"
#include <string.h>

const struct jit_family jit_families[] = {
#define FAMILY(id, name, help) { name, help },
#include "core/jit/families.def"
#undef FAMILY
	{ NULL, NULL }
};

struct prefix { uint8_t family; const char *names; };   /* beginnings of mnemonics, each between blanks; the first that fits counts */
static const struct prefix prefixes[] = {
	{ FAM_ATOMIC, " xadd cmpxchg " }, { FAM_COND, " cmov set " }, { FAM_MOVE, " mov lea xchg bswap " },
	{ FAM_SHIFT, " shl shr sal sar rol ror rcl rcr " }, { FAM_MULDIV, " mul imul div idiv " },
	{ FAM_BIT, " bt bs popcnt lzcnt tzcnt andn bl bextr bzhi pdep pext " }, { FAM_STACK, " push pop enter leave " },
	{ FAM_SYSTEM, " swapgs cli sti cld std iret sys rdfsbase rdgsbase wrfsbase wrgsbase " }, { FAM_CLOCK, " rdtsc " }, { FAM_CALL, " call " }, { FAM_RET, " ret " },
	{ FAM_ALU, " add adc adcx adox sub sbb and or xor cmp test inc dec neg not crc32 " },
};

static bool begins_with_one(const char *name, const char *names)
{
	for (const char *p = names + 1; *p;) {
		size_t n = strcspn(p, " ");
		if (!strncmp(name, p, n))
			return true;
		p += n + 1;
	}
	return false;
}

enum jit_family_id jit_family_of(const struct op_row *r)
{
	if (r->attr & A_STR)
		return FAM_STRING;
	if (r->attr & (A_X87 | A_MMX | A_SSE | A_AVX))
		return r->attr & A_X87 ? FAM_X87 : r->attr & A_MMX ? FAM_MMX : r->attr & A_AVX ? FAM_AVX : FAM_SSE;
	if (r->attr & (A_LINK | A_COND))
		return !strncmp(r->name, "call", 4) ? FAM_CALL : FAM_JUMP;
	if ((r->attr & A_END) && (!strncmp(r->name, "jmp", 3) || !strncmp(r->name, "call", 4)))
		return FAM_INDIRECT;
	for (unsigned n = 0; n < sizeof prefixes / sizeof prefixes[0]; n++)
		if (begins_with_one(r->name, prefixes[n].names))
			return prefixes[n].family;
	return FAM_OTHER;
}

bool jit_families_parse(const char *list, uint32_t *mask, char *bad, size_t size)
{
	uint32_t m = 0;
	for (const char *p = list; *p;) {
		size_t n = strcspn(p, ":");
		unsigned k = 0;
		while (jit_families[k].name && (strlen(jit_families[k].name) != n || strncmp(jit_families[k].name, p, n)))
			k++;
		if (n == 3 && !strncmp(p, "all", 3)) {
			m |= (UINT32_C(1) << FAM_COUNT) - 1;
		} else if (n == 4 && !strncmp(p, "none", 4)) {
			m = 0;
		} else if (jit_families[k].name) {
			m |= UINT32_C(1) << k;
		} else {
			snprintf(bad, size, "%.*s", (int)n, p);
			return false;
		}
		p += n + (p[n] != 0);
	}
	*mask = m;
	return true;
}

void jit_families_print(uint32_t mask, const char *between, char *out, size_t size)
{
	size_t len = 0;
	*out = 0;
	for (unsigned k = 0; k < FAM_COUNT; k++)
		if ((mask >> k & 1) && len < size)
			len += (size_t)snprintf(out + len, size - len, "%s%s", len ? between : "", jit_families[k].name);
}
