/* debugreg.c - debug registers and the #DB exception.  Ref: SDM 3, chapter 17.2-17.3. */
#include "core/cpu/debugreg.h"
#include "core/cpu/mmu.h"

static bool enabled(uint64_t dr7, unsigned n) { return dr7 >> (2 * n) & 3; }
static enum debug_kind kind_of(uint64_t dr7, unsigned n) { return (enum debug_kind)(dr7 >> (16 + 4 * n) & 3); }
static uint64_t length_of(uint64_t dr7, unsigned n)
{
	static const uint8_t len[] = { 1, 2, 8, 4 };
	return len[dr7 >> (18 + 4 * n) & 3];
}

static bool overlaps(const struct cpu *c, unsigned n, uint64_t lin, uint64_t size)
{
	uint64_t len = length_of(c->dr[7], n), start = c->dr[n] & ~(len - 1);
	return lin < start + len && start < lin + size;
}

bool debug_page_watched_slow(const struct cpu *c, uint64_t lin)
{
	for (unsigned n = 0; n < 4; n++) {
		enum debug_kind k = kind_of(c->dr[7], n);
		if (enabled(c->dr[7], n) && (k == DEBUG_WRITE || k == DEBUG_ACCESS) && overlaps(c, n, lin & PAGE_MASK, PAGE_SIZE))
			return true;
	}
	return false;
}

void debug_note_access(struct cpu *c, uint64_t lin, unsigned size, unsigned access)
{
	for (unsigned n = 0; n < 4; n++) {
		enum debug_kind k = kind_of(c->dr[7], n);
		if (enabled(c->dr[7], n) && (k == DEBUG_ACCESS || (k == DEBUG_WRITE && (access & MEM_W))) && overlaps(c, n, lin, size))
			c->dr6_pending |= 1u << n;
	}
}

void debug_note_io(struct cpu *c, uint16_t port, unsigned size)
{
	if (!(c->dr[7] & 0xff) || !(c->cr4 & CR4_DE))
		return;
	for (unsigned n = 0; n < 4; n++)
		if (enabled(c->dr[7], n) && kind_of(c->dr[7], n) == DEBUG_IO && overlaps(c, n, port, size))
			c->dr6_pending |= 1u << n;
}

void debug_set_dr7(struct cpu *c, uint64_t v)
{
	v = (v & 0xffff2bffu) | DR7_FIXED;
	if (v == c->dr[7])
		return;
	c->dr[7] = v;
	mmu_flush(c, true);             /* watched pages lose their tags, others get them back */
	cpu_update_mode(c);
}

static bool raise_db(struct cpu *c, uint32_t bits)
{
	c->dr[6] = (c->dr[6] & ~UINT64_C(0xf)) | bits;
	c->dr[7] &= ~(uint64_t)DR7_GD;
	return cpu_raise(c, EXC_DB);
}

bool cpu_debug_before(struct cpu *c)
{
	uint32_t hit = 0;
	if (!(c->dr[7] & 0xff))
		return true;
	if (c->eflags_sys & FL_RF) {            /* RF covers one instruction */
		c->eflags_sys &= ~(uint32_t)FL_RF;
		return true;
	}
	uint64_t lin = c->mode & M_CS64 ? c->rip : (uint32_t)(c->seg[SEG_CS].base + c->rip);
	for (unsigned n = 0; n < 4; n++)
		if (enabled(c->dr[7], n) && kind_of(c->dr[7], n) == DEBUG_EXEC && c->dr[n] == lin)
			hit |= 1u << n;
	return !hit || c->shadow || raise_db(c, hit);
}

bool cpu_debug_after(struct cpu *c, bool tf)
{
	uint32_t bits = c->dr6_pending | (tf ? DR6_BS : 0);
	if (!bits || c->shadow)                 /* MOV SS holds debug traps off for one instruction; data hits stay pending */
		return true;
	c->dr6_pending = 0;
	return raise_db(c, bits);
}
