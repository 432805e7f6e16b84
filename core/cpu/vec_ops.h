/* vec_ops.h - the regular vector operations, in lists by shape; SSE and AVX families make handlers of them.
 *
 * Each list is X(instruction) or X(instruction, bytes of a memory source).  What the shapes mean is said in vec.h. */
#ifndef CORE_CPU_VEC_OPS_H
#define CORE_CPU_VEC_OPS_H
#include "core/cpu/vec.h"

/* d = d op s, 16 bytes, no exceptions. */
#define VEC_INT_BINARY(X)                                                                                                              \
	X(punpcklbw) X(punpcklwd) X(punpckldq) X(punpcklqdq) X(punpckhbw) X(punpckhwd) X(punpckhdq) X(punpckhqdq)                        \
	X(packsswb) X(packssdw) X(packuswb) X(packusdw)                                                                                 \
	X(pcmpgtb) X(pcmpgtw) X(pcmpgtd) X(pcmpgtq) X(pcmpeqb) X(pcmpeqw) X(pcmpeqd) X(pcmpeqq)                                         \
	X(paddb) X(paddw) X(paddd) X(paddq) X(psubb) X(psubw) X(psubd) X(psubq)                                                         \
	X(paddsb) X(paddsw) X(paddusb) X(paddusw) X(psubsb) X(psubsw) X(psubusb) X(psubusw)                                             \
	X(pmullw) X(pmulld) X(pmulhw) X(pmulhuw) X(pmulhrsw) X(pmuludq) X(pmuldq) X(pmaddwd) X(pmaddubsw)                               \
	X(pminub) X(pminuw) X(pminud) X(pminsb) X(pminsw) X(pminsd) X(pmaxub) X(pmaxuw) X(pmaxud) X(pmaxsb) X(pmaxsw) X(pmaxsd)         \
	X(pavgb) X(pavgw) X(psadbw) X(pand) X(pandn) X(por) X(pxor)                                                                     \
	X(pshufb) X(phaddw) X(phaddd) X(phaddsw) X(phsubw) X(phsubd) X(phsubsw) X(psignb) X(psignw) X(psignd)                           \
	X(andps) X(andnps) X(orps) X(xorps) X(andpd) X(andnpd) X(orpd) X(xorpd)                                                         \
	X(unpcklps) X(unpckhps) X(unpcklpd) X(unpckhpd)

/* Shifts by a count in s: VEX.256 takes it from 128 bits for both lanes. */
#define VEC_SHIFT(X) X(psrlw) X(psrld) X(psrlq) X(psraw) X(psrad) X(psllw) X(pslld) X(psllq)

/* d = op s, 16 bytes, no exceptions. */
#define VEC_INT_UNARY(X) X(pabsb) X(pabsw) X(pabsd)

/* d = op of the low part of s. */
#define VEC_WIDEN(X)                                                                                                                   \
	X(pmovsxbw, 8) X(pmovsxbd, 4) X(pmovsxbq, 2) X(pmovsxwd, 8) X(pmovsxwq, 4) X(pmovsxdq, 8)                                        \
	X(pmovzxbw, 8) X(pmovzxbd, 4) X(pmovzxbq, 2) X(pmovzxwd, 8) X(pmovzxwq, 4) X(pmovzxdq, 8)

/* Floating point, packed. */
#define VEC_FP_BINARY(X)                                                                                                               \
	X(addps) X(addpd) X(mulps) X(mulpd) X(subps) X(subpd) X(minps) X(minpd) X(divps) X(divpd) X(maxps) X(maxpd)                      \
	X(haddps) X(haddpd) X(hsubps) X(hsubpd) X(addsubps) X(addsubpd)
#define VEC_FP_UNARY(X) X(sqrtps) X(sqrtpd) X(rsqrtps) X(rcpps) X(cvtdq2ps) X(cvtps2dq) X(cvttps2dq)

/* Floating point, the low element; the rest of d stays. */
#define VEC_FP_SCALAR(X)                                                                                                               \
	X(addss, 4) X(addsd, 8) X(mulss, 4) X(mulsd, 8) X(subss, 4) X(subsd, 8) X(minss, 4) X(minsd, 8) X(divss, 4) X(divsd, 8)          \
	X(maxss, 4) X(maxsd, 8) X(sqrtss, 4) X(sqrtsd, 8) X(rsqrtss, 4) X(rcpss, 4) X(cvtss2sd, 4) X(cvtsd2ss, 8)

/* Conversions between element sizes: cvtps2pd and cvtdq2pd read 8 bytes, the others write the low 8 and clear the rest. */
#define VEC_FP_WIDEN(X)  X(cvtps2pd, 8) X(cvtdq2pd, 8)
#define VEC_FP_NARROW(X) X(cvtpd2ps) X(cvtpd2dq) X(cvttpd2dq)

/* With an immediate: two sources, one source, floating point. */
#define VEC_IMM_BINARY(X) X(palignr) X(pblendw) X(blendps) X(blendpd) X(shufps) X(shufpd) X(mpsadbw)
#define VEC_IMM_UNARY(X)  X(pshufd) X(pshufhw) X(pshuflw)

#define VEC_OP_SIZED(op, size) VEC_OP(op)
VEC_INT_BINARY(VEC_OP)
VEC_SHIFT(VEC_OP)
VEC_INT_UNARY(VEC_OP)
VEC_WIDEN(VEC_OP_SIZED)
VEC_FP_BINARY(VEC_OP)
VEC_FP_UNARY(VEC_OP)
VEC_FP_SCALAR(VEC_OP_SIZED)
VEC_FP_WIDEN(VEC_OP_SIZED)
VEC_FP_NARROW(VEC_OP)
#endif
