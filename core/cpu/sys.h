/* sys.h - what the system instructions share: descriptors, far transfers, task switches, stacks of other privilege levels.
 *
 * Convention: false = exception recorded and no register changed (but see task_switch). */
#ifndef CORE_CPU_SYS_H
#define CORE_CPU_SYS_H
#include "core/cpu/exec.h"

/* ---- descriptors (segment.c) ---- */
enum { SEL_RPL = 3, SEL_TI = 4, TYPE_ACCESSED = 1, TYPE_WRITE = 2 /* data: writable, code: readable */, TYPE_CONFORM = 4 /* data: expand-down */,
       TYPE_CODE = 8 };
enum system_type { SYS_TSS16 = 1, SYS_LDT = 2, SYS_TSS16_BUSY = 3, SYS_CALL16 = 4, SYS_TASK_GATE = 5, SYS_INT16 = 6, SYS_TRAP16 = 7,
	SYS_TSS32 = 9, SYS_TSS32_BUSY = 11, SYS_CALL32 = 12, SYS_INT32 = 14, SYS_TRAP32 = 15, SYS_BUSY = 2 };

static inline unsigned attr_dpl(unsigned attr)  { return (attr >> 5) & 3; }
static inline unsigned attr_type(unsigned attr) { return attr & ATTR_TYPE; }
/* What fast system calls load into CS and SS. */
static inline uint16_t flat_code_attr(unsigned cpl, bool code64)
{
	return (uint16_t)(ATTR_P | ATTR_S | TYPE_CODE | TYPE_WRITE | TYPE_ACCESSED | ATTR_G | cpl << 5 | (code64 ? ATTR_L : ATTR_DB));
}
static inline uint16_t flat_data_attr(unsigned cpl) { return (uint16_t)(ATTR_P | ATTR_S | TYPE_WRITE | TYPE_ACCESSED | ATTR_G | ATTR_DB | cpl << 5); }
static inline bool attr_is_code(unsigned attr)  { return (attr & (ATTR_S | TYPE_CODE)) == (ATTR_S | TYPE_CODE); }
static inline bool attr_is_data(unsigned attr)  { return (attr & (ATTR_S | TYPE_CODE)) == ATTR_S; }
static inline bool attr_conforming(unsigned attr) { return attr & TYPE_CONFORM; }
static inline unsigned desc_attr(uint64_t d) { return (unsigned)(d >> 40) & 0xf0ff; }
static inline bool sel_null(uint16_t sel) { return !(sel & ~SEL_RPL); }

enum desc_result { DESC_OK, DESC_OUTSIDE, DESC_FAULT };
/* The 8-byte descriptor of sel, read as CPL 0.  FAULT: page fault recorded. */
enum desc_result desc_fetch(struct cpu *c, uint16_t sel, uint64_t *d);
/* The same; outside the table raises vec with sel's error code | ext. */
bool desc_read(struct cpu *c, uint16_t sel, int vec, unsigned ext, uint64_t *d);
/* Second half of a 16-byte descriptor (long mode). */
bool desc_read_high(struct cpu *c, uint16_t sel, int vec, unsigned ext, uint64_t *d);
/* Fill the hidden part. */
struct segreg desc_to_seg(uint16_t sel, uint64_t d);
/* Set the accessed bit in the table and in *d if it is clear. */
bool desc_mark_accessed(struct cpu *c, uint16_t sel, uint64_t *d);
/* Change type bits of a system descriptor in the table (TSS busy). */
bool desc_write_type(struct cpu *c, uint16_t sel, unsigned clear, unsigned set);
struct segreg seg_real(uint16_t sel);                   /* real and virtual-8086 mode */
static inline bool raise_sel(struct cpu *c, int vec, uint16_t sel, unsigned ext)
{
	return cpu_raise_err(c, vec, (sel & ~3u) | ext);
}

/* MOV/POP/Lxs to a segment register other than CS, all modes. */
bool seg_load(struct cpu *c, unsigned sr, uint16_t sel);
/* Check sel as the stack segment of privilege cpl; faults are vec (#TS or #GP; #SS when not present). */
bool seg_check_stack(struct cpu *c, uint16_t sel, unsigned cpl, int vec, unsigned ext, struct segreg *out);
/* On return to a less privileged level: drop data segments the new level may not use. */
void seg_drop_privileged(struct cpu *c);
/* Limit check without type checks. */
bool seg_in_limit(const struct segreg *s, uint64_t off, unsigned size);
bool seg_load_ldt(struct cpu *c, uint16_t sel, int null_ok_vec, unsigned ext);
bool seg_load_tr(struct cpu *c, uint16_t sel);

/* ---- code segments (far.c) ---- */
/* Make sel/d the code segment at privilege cpl and set rip; no checks but that of the offset. */
bool code_enter(struct cpu *c, uint16_t sel, uint64_t d, unsigned cpl, uint64_t rip);
bool code_offset_ok(const struct cpu *c, uint64_t d, uint64_t rip);
bool far_jump(struct cpu *c, const struct insn *i, uint16_t sel, uint64_t off, unsigned size);
bool far_call(struct cpu *c, const struct insn *i, uint16_t sel, uint64_t off, unsigned size);
bool far_return(struct cpu *c, unsigned size, unsigned imm);
bool far_iret(struct cpu *c, unsigned size);

/* ---- another stack while it is being filled ---- */
struct frame {
	struct segreg ss;
	uint64_t sp, mask;              /* mask of the stack pointer's size; sp moves down */
	unsigned cpl;                   /* of the new stack */
	bool flat;                      /* 64-bit: no segment */
	uint32_t err;                   /* error code of a #SS */
};
/* The stack the CPU is on now. */
struct frame frame_current(const struct cpu *c, unsigned ext);
bool frame_push(struct cpu *c, struct frame *f, unsigned size, uint64_t v);
/* Make it the stack in use: sets RSP, and SS when its selector is to change. */
void frame_commit_sp(struct cpu *c, const struct frame *f);
/* Read at `pos` bytes above the stack pointer, without moving it. */
bool stack_peek(struct cpu *c, unsigned pos, unsigned size, uint64_t *v);
void stack_add(struct cpu *c, uint64_t n);
/* SS:ESP of a more privileged level from the TSS, checked (not in long mode). */
bool tss_stack(struct cpu *c, unsigned cpl, unsigned ext, struct frame *f);
/* RSP0-2 (n = cpl) or IST1-7 (n = 3 + ist) of the 64-bit TSS. */
bool tss_rsp(struct cpu *c, unsigned n, unsigned ext, uint64_t *rsp);

/* ---- task.c ---- */
enum task_reason { TASK_JMP, TASK_CALL, TASK_INT, TASK_IRET };
/* Switch to the task of TSS descriptor `d`.  c->rip is what the old task resumes at.  Faults before the switch leave the old task in
 * place; faults after it belong to the new one: then c->cur is NULL. */
bool task_switch(struct cpu *c, uint16_t sel, uint64_t d, enum task_reason why, bool has_err, uint32_t err, unsigned ext);
/* Through a task gate. */
bool task_gate(struct cpu *c, uint16_t tss, enum task_reason why, bool has_err, uint32_t err, unsigned ext);

/* ---- flags ---- */
/* Replace the bits of mask. */
void flags_write(struct cpu *c, uint32_t v, uint32_t mask);
static inline unsigned flags_iopl(const struct cpu *c) { return (c->eflags_sys >> 12) & 3; }

/* ---- I/O permission (ops_system_io.c) ---- */
bool io_allowed(struct cpu *c, uint16_t port, unsigned size);

/* ---- control registers, features ---- */
bool cr_write(struct cpu *c, unsigned n, uint64_t v);   /* raises #GP(0) */
bool cpu_wrmsr_efer(struct cpu *c, uint64_t v);         /* false = #GP wanted */
#endif
