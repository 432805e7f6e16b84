/* test_late_loop.c - the loop thread does not come, and the guest reads its clocks: the timer interrupts come nevertheless. */
#include "core/cpu/accel_conf.h"
#include "core/machine/machine.h"
#include "tests/unit/rom.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

enum { LIMIT_S = 120, ENOUGH = 10 };
/* Where the guest keeps its numbers, and which clock it is to read. */
enum { TICKS = 0x1000, CLOCK = 0x1004, READS = 0x1008 };
enum { NO_CLOCK, TSC, TSC_P, HPET, PIT, CLOCKS };

/* The 8254 ticks every 4 ms, and the CPU counts that; it reads a clock for ever.  Others wait for their start. */
__asm__(
	".pushsection .rodata\n"
	"	.balign 16\n"
	"late_rom:\n"
	"	.code16\n"
	"	cli\n"
	"	lgdtl %cs:(late_gdtr - late_rom)\n"
	"	movl $0x11, %eax\n"
	"	movl %eax, %cr0\n"
	"	ljmpl $8, $(0xf0000 + late_flat - late_rom)\n"
	"	.code32\n"
	"late_flat:\n"
	"	movw $16, %ax\n"
	"	movw %ax, %ds\n"
	"	movw %ax, %es\n"
	"	movw %ax, %ss\n"
	"	movl $0x9000, %esp\n"
	"	movl $(0x00080000 + late_tick - late_rom), 0x4000 + 8 * 0x20\n"
	"	movl $0x000f8e00, 0x4004 + 8 * 0x20\n"
	"	lidtl %cs:(0xf0000 + late_idtr - late_rom)\n"
	"	movl $0x1ff, 0xfee000f0\n"              /* the 8259's interrupts by way of LINT0 */
	"	movl $0x700, 0xfee00350\n"
	"	movl $1, 0xfed00010\n"                  /* the HPET counts */
	"	movb $0x11, %al\n	outb %al, $0x20\n"
	"	movb $0x20, %al\n	outb %al, $0x21\n"
	"	movb $0x04, %al\n	outb %al, $0x21\n"
	"	movb $0x01, %al\n	outb %al, $0x21\n"
	"	movb $0xfe, %al\n	outb %al, $0x21\n"
	"	movb $0x34, %al\n	outb %al, $0x43\n"      /* counter 0: a rate of 4772 */
	"	movb $0xa4, %al\n	outb %al, $0x40\n"
	"	movb $0x12, %al\n	outb %al, $0x40\n"
	"	sti\n"
	"1:	incl 0x1008\n"
	"	movl 0x1004, %ecx\n"
	"	jecxz 1b\n"
	"	loop 2f\n"
	"	rdtsc\n"
	"	jmp 1b\n"
	"2:	loop 3f\n"
	"	rdtscp\n"
	"	jmp 1b\n"
	"3:	loop 4f\n"
	"	movl 0xfed000f0, %eax\n"
	"	jmp 1b\n"
	"4:	movb $0, %al\n	outb %al, $0x43\n"      /* hold counter 0 for reading */
	"	inb $0x40, %al\n	inb $0x40, %al\n"
	"	jmp 1b\n"
	"late_tick:\n"
	"	incl 0x1000\n"
	"	pushl %eax\n"
	"	movb $0x20, %al\n	outb %al, $0x20\n"
	"	popl %eax\n"
	"	iretl\n"
	"	.balign 8\n"
	"late_gdt: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff\n"
	"late_gdtr: .word 23\n	.long 0xf0000 + late_gdt - late_rom\n"
	"late_idtr: .word 0x7ff\n	.long 0x4000\n"
	"late_rom_end:\n"
	"	.code64\n"
	".popsection\n");
extern const unsigned char late_rom[], late_rom_end[];

/* A machine, and a loop that can be held. */
struct held {
	struct machine *m;
	pthread_t thread;
	pthread_cond_t changed;         /* with the machine lock */
	bool hold, held, stop;
};

static void *loop_main(void *arg)
{
	struct held *h = arg;
	loop_run(h->m->loop);
	h->m->accel->stop_vcpus(h->m);
	return NULL;
}

/* In the loop thread: as if it did not get the host's CPU, but for the lock, which it lets go of. */
static void hold(void *arg)
{
	struct held *h = arg;
	h->held = true;
	pthread_cond_broadcast(&h->changed);
	while (h->hold)
		pthread_cond_wait(&h->changed, &h->m->lock);
	if (h->stop) {
		machine_stop(h->m, RUN_PAUSED);
		machine_start(h->m);
	}
	h->held = false;
	pthread_cond_broadcast(&h->changed);
}

static void hold_loop(struct held *h, bool stop_after)
{
	machine_lock(h->m);
	h->hold = true;
	h->stop = stop_after;
	loop_post(h->m->loop, hold, h);
	while (!h->held)
		pthread_cond_wait(&h->changed, &h->m->lock);
	machine_unlock(h->m);
}

static void let_go(struct held *h)
{
	machine_lock(h->m);
	h->hold = false;
	pthread_cond_broadcast(&h->changed);
	while (h->held)
		pthread_cond_wait(&h->changed, &h->m->lock);
	machine_unlock(h->m);
}

static uint32_t peek(struct held *h, uint64_t addr)
{
	machine_lock(h->m);
	uint32_t v = (uint32_t)space_read(&h->m->mem, addr, 4);
	machine_unlock(h->m);
	return v;
}

static void read_clock(struct held *h, uint32_t which)
{
	machine_lock(h->m);
	space_write(&h->m->mem, CLOCK, 4, which);
	machine_unlock(h->m);
}

/* Wait until the number at addr has grown by so much. */
static void wait_for(struct held *h, uint64_t addr, uint32_t by, const char *what)
{
	uint32_t from = peek(h, addr), seen;
	time_t end = time(NULL) + LIMIT_S;
	while ((seen = peek(h, addr) - from) < by) {
		struct timespec nap = { .tv_nsec = 1000000 };
		if (time(NULL) > end)
			fail_msg("%s: %u of %u ticks", what, seen, by);
		nanosleep(&nap, NULL);
	}
}

static void start(struct held *h, const char *engine, const char *cpus)
{
	char rom[] = "/tmp/vmux-late-XXXXXX";
	rom_write(rom, late_rom, late_rom_end);
	char *argv[] = { "vmux", "-accel", (char *)engine, "-smp", (char *)cpus, "-cpu", "max", "-m", "16", "-bios", rom, "-display", "none", "-nodefaults", NULL };
	struct error err = { "" };
	bool done;
	int status;
	struct options *o = options_parse((int)(sizeof argv / sizeof *argv) - 1, argv, &done, &status, &err);
	*h = (struct held){ .m = o ? machine_new(o, &err) : NULL };
	unlink(rom);
	if (!h->m)
		fail_msg("%s", err.msg);
	pthread_cond_init(&h->changed, NULL);
	assert_true(h->m->accel->start_vcpus(h->m, &err));
	assert_int_equal(pthread_create(&h->thread, NULL, loop_main, h), 0);
	machine_lock(h->m);
	machine_start(h->m);
	machine_unlock(h->m);
	wait_for(h, TICKS, ENOUGH, "the loop is there");
}

static void end(struct held *h)
{
	machine_lock(h->m);
	machine_quit(h->m, 0);
	machine_unlock(h->m);
	pthread_join(h->thread, NULL);
	machine_free(h->m);
	pthread_cond_destroy(&h->changed);
}

static void ticks_come(const char *engine, const char *cpus)
{
	static const char *const name[CLOCKS] = { "none", "RDTSC", "RDTSCP", "HPET", "8254" };
	struct held h;
	start(&h, engine, cpus);
	/* who reads no clock sees nothing of it */
	hold_loop(&h, false);
	wait_for(&h, READS, 10000, name[NO_CLOCK]);     /* what was under way has come */
	uint32_t before = peek(&h, TICKS);
	wait_for(&h, READS, 10000000, name[NO_CLOCK]);
	assert_int_equal(peek(&h, TICKS), before);
	for (uint32_t c = TSC; c < CLOCKS; c++) {
		read_clock(&h, c);
		wait_for(&h, TICKS, ENOUGH, name[c]);
	}
	let_go(&h);
	/* all are asked to park while some vCPU is about to run timers */
	for (unsigned n = 0; n < 40; n++) {
		hold_loop(&h, true);
		read_clock(&h, TSC + n % (CLOCKS - TSC));
		wait_for(&h, TICKS, 1 + n % 3, "between stops");
		let_go(&h);
	}
	read_clock(&h, NO_CLOCK);
	wait_for(&h, TICKS, ENOUGH, "the loop is back");
	end(&h);
}

static void interpreted(void **state)     { ticks_come("interp", "1"); }
static void translated(void **state)      { ticks_come("jit", "1"); }
static void two_translated(void **state)  { ticks_come("jit", "2"); }

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(interpreted), cmocka_unit_test(translated), cmocka_unit_test(two_translated) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
