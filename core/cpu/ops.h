/* ops.h - prototypes of all instruction handlers, made from the table, and the handlers the decoder itself uses. */
#ifndef CORE_CPU_OPS_H
#define CORE_CPU_OPS_H
#include "core/cpu/decode.h"

#define FN(n)    const struct insn *op_##n(struct cpu *c, const struct insn *i);
#define FN3(n, s) FN(n##16##s) FN(n##32##s) FN(n##64##s)
#define FN2(n, s) FN(n##32##s) FN(n##64##s)
#define FNL(n, s) FN(n##128##s) FN(n##256##s)
#define H1(n)    FN(n)
#define HM(n)    FN(n##_r) FN(n##_m)
#define HF(n)    FN(n##_r) FN(n##_m) FN(n##_f)
#define HS(n)    FN(n) FN(n##_s)
#define HB(n)    FN(n##_r) FN(n##_m) FN(n##_f) FN(n##_s)
#define HV(n)    FN3(n, )
#define HVM(n)   FN3(n, _r) FN3(n, _m)
#define HVF(n)   FN3(n, _r) FN3(n, _m) FN3(n, _f)
#define HVS(n)   FN3(n, ) FN3(n, _s)
#define HVB(n)   FN3(n, _r) FN3(n, _m) FN3(n, _f) FN3(n, _s)
#define HG(n)    HF(n) FN(n##_b) FN(n##_x)
#define HVG(n)   HVF(n) FN2(n, _b) FN2(n, _x)
#define HVH(n)   HVF(n) FN3(n, _b) FN3(n, _x)
#define HVN(n)   HVF(n) FN2(n, _n)
#define HVA(n)   HVG(n) FN2(n, _n)
#define HY(n)    FN2(n, )
#define HYM(n)   FN2(n, _r) FN2(n, _m)
#define HYF(n)   FN2(n, _r) FN2(n, _m) FN2(n, _f)
#define HL(n)    FNL(n, )
#define HLM(n)   FNL(n, _r) FNL(n, _m)
#define HLF(n)   FNL(n, _r) FNL(n, _m) FNL(n, _f)
#define OP(map, opcode, match, name, a, b, c_, d, handler, rd, wr, un, attr) handler
#define OP8 OP
#include "core/cpu/opcodes.def"
#undef OP
#undef OP8
#undef FN2
#undef FN3
#undef FNL
#undef H1
#undef HM
#undef HF
#undef HS
#undef HB
#undef HV
#undef HVM
#undef HVF
#undef HVS
#undef HVB
#undef HG
#undef HVG
#undef HVN
#undef HVH
#undef HVA
#undef HY
#undef HYM
#undef HYF
#undef HL
#undef HLM
#undef HLF

FN(undefined)           /* #UD */
FN(no_device)           /* #NM */
FN(too_long)            /* #GP(0): more than 15 bytes */
#undef FN
#endif
