/* accel_conf.h - options of the engines that run guest code, switching them while the machine runs, what `info accel` and `info jit` print. */
#ifndef CORE_CPU_ACCEL_CONF_H
#define CORE_CPU_ACCEL_CONF_H
#include <stdbool.h>
#include <stdint.h>

struct error;
struct machine;
struct text;
struct kv;

/* Sub-options.  All zero: what is taken when none is given. */
struct accel_conf {
	uint32_t off;                   /* families of instructions that are not translated: core/jit/families.h */
	unsigned tb_size;               /* MiB of translated code, all CPUs together; 0 = ACCEL_TB_SIZE a CPU */
	unsigned lockstep;              /* every so many entries into translated code are checked against the interpreter; 0 = none */
	bool one_insn;                  /* blocks of one instruction */
	bool count;                     /* translated code counts the guest's instructions, which costs about a tenth of its time */
	bool thread_single;             /* thread=single was asked for */
};
enum { ACCEL_TB_SIZE = 48, ACCEL_TB_MIN = 1, ACCEL_TB_MAX = 1024 };

/* Sub-options among the keys of one -accel (its first word has the key "accel").  False: err, one sentence that begins with `who`. */
bool accel_parse(const struct kv *kv, const char *who, struct accel_conf *out, struct error *err);
/* What depends on the number of CPUs; `who` is what was written after -accel. */
bool accel_check(const struct machine *m, const struct accel_conf *conf, const char *who, struct error *err);
/* Use another engine, or the same with other sub-options: spec as -accel takes it.  All vCPUs stand still meanwhile and go on where they
 * were; translations are dropped.  Loop thread, machine lock held.  False: nothing was changed. */
bool accel_switch(struct machine *m, const char *spec, struct error *err);
/* The engine of m counts the guest's instructions: cpu_icount() is true. */
bool accel_counts(const struct machine *m);
/* accel_ops.info of interp and jit; and the counters.  Machine lock held, vCPUs parked for accel_print_jit.  False: no engine that
 * translates. */
void accel_print(struct machine *m, struct text *out);
bool accel_print_jit(struct machine *m, struct text *out);
#endif
