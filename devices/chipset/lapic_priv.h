/* lapic_priv.h - the local APIC's state, shared by lapic.c, lapic_msr.c, lapic_timer.c and lapic_info.c. */
#ifndef DEVICES_CHIPSET_LAPIC_PRIV_H
#define DEVICES_CHIPSET_LAPIC_PRIV_H
#include "core/machine/machine.h"
#include "devices/chipset/lapic.h"

/* Registers by number: MMIO offset / 16 = x2APIC MSR - 800h. */
enum { REG_ID = 0x02, REG_VERSION = 0x03, REG_TPR = 0x08, REG_APR = 0x09, REG_PPR = 0x0a, REG_EOI = 0x0b, REG_REMOTE = 0x0c,
       REG_LDR = 0x0d, REG_DFR = 0x0e, REG_SVR = 0x0f, REG_ISR = 0x10, REG_TMR = 0x18, REG_IRR = 0x20, REG_ESR = 0x28,
       REG_ICR_LOW = 0x30, REG_ICR_HIGH = 0x31, REG_LVT = 0x32, REG_INITIAL_COUNT = 0x38, REG_CURRENT_COUNT = 0x39,
       REG_DIVIDE = 0x3e, REG_SELF_IPI = 0x3f };
enum { LVT_TIMER, LVT_THERMAL, LVT_PERFORMANCE, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };
enum { LVT_MODE_SHIFT = 8, LVT_MODE = 7 << LVT_MODE_SHIFT, LVT_ACTIVE_LOW = 1 << 13, LVT_LEVEL = 1 << 15, LVT_MASKED = 1 << 16 };
enum { LAPIC_PAGE = 0xfee00000u };
enum { SVR_ENABLE = 1 << 8, SVR_NO_BROADCAST = 1 << 12 /* of EOIs; only an engine's APIC offers it */ };
enum { BASE_BSP = 1 << 8, BASE_EXTD = 1 << 10, BASE_ENABLE = 1 << 11 };
enum lapic_timer_mode { TIMER_ONE_SHOT, TIMER_PERIODIC, TIMER_TSC_DEADLINE };

struct lapic {
	struct device   dev;
	struct region   page;           /* number 0 owns the window for all */
	struct info_hook info;
	struct cpu     *cpu;            /* NULL: no guest CPU (qtest) */
	unsigned        index;          /* initial APIC id */
	struct irq_line wires[LAPIC_WIRES];
	void          (*sipi)(void *arg, uint8_t vector);
	void           *sipi_arg;
	struct device  *pic;
	struct timer    timer;          /* derived from the fields below */

	uint64_t base;                  /* IA32_APIC_BASE */
	uint32_t id;
	uint8_t  tpr;
	uint32_t ldr, dfr, svr;
	uint32_t isr[8], tmr[8], irr[8];
	uint32_t esr, errors;           /* as last latched; since then */
	uint64_t icr;                   /* destination in bits 63-32 (x2APIC) or 63-56 */
	uint32_t lvt[LVT_COUNT];
	bool     extint_message;        /* an ExtINT message of the I/O APIC waits for its acknowledge */
	bool     lint[2];               /* levels of the pins */
	uint32_t initial_count, divide; /* divide: the register's bits */
	uint64_t timer_start;           /* ns at which initial_count began to run */
	uint64_t tsc_deadline;
	bool     counting;              /* the one-shot count has not come to its end, as far as anybody was told */
	bool     borrowed;              /* from the engine for an access by the CPU, and not given back */
};

struct lapic *lapic_of(struct device *d);
uint8_t lapic_ppr(const struct lapic *l);
void    lapic_update(struct lapic *l);
void    lapic_lvt_event(struct lapic *l, unsigned entry);
bool    lapic_x2apic(const struct lapic *l);
uint32_t lapic_read(struct lapic *l, unsigned reg);
void    lapic_write(struct lapic *l, unsigned reg, uint32_t val);
void    lapic_take(struct lapic *l, const struct apic_message *msg);    /* this APIC gets a message */
bool    lapic_send_to_all(struct machine *m, const struct apic_message *msg);     /* whose destinations it has; false: there are none */
void    lapic_send_ipi(struct lapic *l);                                /* what icr says */
void    lapic_self_ipi(struct lapic *l, uint8_t vector);                /* x2APIC's register */
uint32_t lapic_lvt_writable(unsigned entry);                            /* bits that software may set ("Local Vector Table") */
void    lapic_init_state(struct lapic *l, bool keep_base);              /* reset; keep_base: INIT */
/* lapic_engine.c: while the APICs are the engine's (machine.apic_engine). */
struct cpu_apic_page;
void    lapic_export(struct lapic *l, struct cpu_apic_page *p);
void    lapic_import(struct lapic *l, const struct cpu_apic_page *p);
void    lapic_op_give(void *apic, struct cpu_apic_page *p);             /* struct cpu_apic_ops */
void    lapic_op_take(void *apic, const struct cpu_apic_page *p);
bool    lapic_op_message(void *apic);
int     lapic_op_extint(void *apic);
void    lapic_op_note(void *apic, uint64_t base, uint8_t cr8);
void    lapic_op_eoi(void *apic, uint8_t vector);
bool    lapic_send_to_engine(struct machine *m, const struct apic_message *msg);
/* For one access by the CPU: the registers are here between the two.  False: the engine itself has refused that access. */
bool    lapic_borrow(struct lapic *l);
void    lapic_give_back(struct lapic *l);                               /* unless that was done: what is sent to itself comes after it */
extern const struct cpu_apic_ops lapic_cpu_ops;
void    lapic_print(void *arg, struct text *out);

void     lapic_timer_expired(void *arg);
void     lapic_timer_start(struct lapic *l, uint32_t count);
void     lapic_timer_divide(struct lapic *l, uint32_t divide);
void     lapic_timer_deadline(struct lapic *l, uint64_t tsc);
void     lapic_timer_mode_changed(struct lapic *l, uint32_t old_lvt);
void     lapic_timer_arm(struct lapic *l);
uint64_t lapic_timer_tsc_deadline(const struct lapic *l);       /* as its MSR reads */
uint32_t lapic_timer_count(struct lapic *l);
unsigned lapic_timer_divisor(const struct lapic *l);
enum lapic_timer_mode lapic_timer_mode(const struct lapic *l);
#endif
