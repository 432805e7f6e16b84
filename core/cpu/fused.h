/* fused.h - the list of comparisons (and other flag setters) that are fused with the conditional branch behind them (peephole.c).
 *
 * EACH_FUSED(R, B, W): R register operands, B base + displacement, W the result is written; X(row handler, host instruction, operand
 * modifier, width, source).  ALL_CC(F, ...): F once for every condition but O, NO, P and NP.  Handlers: op_<row handler>_<form>_<cc>. */
#ifndef CORE_CPU_FUSED_H
#define CORE_CPU_FUSED_H
#include "core/cpu/cpu.h"

#define ALL_CC(F, name, ins, m, bits, src) \
	F(name, ins, m, bits, src, b, "b") F(name, ins, m, bits, src, nb, "nb") F(name, ins, m, bits, src, z, "z") F(name, ins, m, bits, src, nz, "nz") \
	F(name, ins, m, bits, src, be, "be") F(name, ins, m, bits, src, nbe, "nbe") F(name, ins, m, bits, src, s, "s") F(name, ins, m, bits, src, ns, "ns") \
	F(name, ins, m, bits, src, l, "l") F(name, ins, m, bits, src, nl, "nl") F(name, ins, m, bits, src, le, "le") F(name, ins, m, bits, src, nle, "nle")
#define EACH_FUSED(R, B, W) \
	R(cmp_eg8, "cmpb", "b", 8, RG(8)) R(cmp_eg32, "cmpl", "k", 32, RG(32)) R(cmp_eg64, "cmpq", "", 64, RG(64)) \
	R(cmp_ei8, "cmpb", "b", 8, IM(8)) R(cmp_ei16, "cmpw", "w", 16, IM(16)) R(cmp_ei32, "cmpl", "k", 32, IM(32)) R(cmp_ei64, "cmpq", "", 64, IM(64)) \
	R(test_eg8, "testb", "b", 8, RG(8)) R(test_eg32, "testl", "k", 32, RG(32)) R(test_eg64, "testq", "", 64, RG(64)) \
	R(test_ei8, "testb", "b", 8, IM(8)) R(test_ei32, "testl", "k", 32, IM(32)) \
	B(cmp_eg8, "cmpb", "b", 8, RG(8)) B(cmp_eg32, "cmpl", "k", 32, RG(32)) B(cmp_eg64, "cmpq", "", 64, RG(64)) \
	B(cmp_ei8, "cmpb", "b", 8, IM(8)) B(cmp_ei32, "cmpl", "k", 32, IM(32)) B(cmp_ei64, "cmpq", "", 64, IM(64)) \
	B(test_ei8, "testb", "b", 8, IM(8)) \
	W(sub_eg32, "subl", "k", 32, RG(32)) W(sub_eg64, "subq", "", 64, RG(64)) W(sub_ei32, "subl", "k", 32, IM(32)) W(sub_ei64, "subq", "", 64, IM(64)) \
	W(add_eg32, "addl", "k", 32, RG(32)) W(add_eg64, "addq", "", 64, RG(64)) W(add_ei32, "addl", "k", 32, IM(32)) W(add_ei64, "addq", "", 64, IM(64)) \
	W(and_eg32, "andl", "k", 32, RG(32)) W(and_eg64, "andq", "", 64, RG(64)) W(and_ei32, "andl", "k", 32, IM(32)) W(and_ei64, "andq", "", 64, IM(64))

#define FUSED_PROTO_R(name, ins, m, bits, src, ccn, cc) const struct insn *op_##name##_r_##ccn(struct cpu *c, const struct insn *i);
#define FUSED_PROTO_B(name, ins, m, bits, src, ccn, cc) const struct insn *op_##name##_b_##ccn(struct cpu *c, const struct insn *i);
#define FUSED_PROTOS_R(...) ALL_CC(FUSED_PROTO_R, __VA_ARGS__)
#define FUSED_PROTOS_B(...) ALL_CC(FUSED_PROTO_B, __VA_ARGS__)
EACH_FUSED(FUSED_PROTOS_R, FUSED_PROTOS_B, FUSED_PROTOS_R)
#endif
