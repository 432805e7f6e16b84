/* test_vm_smp.c - four vCPUs, the loop and a front end at work at once: a guest of its own in place of the firmware starts the others, and all
 * count with locked instructions (also across a page), write over code that all run, use ports and their APICs and interrupt each other,
 * while the front end looks, pauses and asks.  The counts must be right. */
#include "core/vm.h"
#include "tests/unit/rom.h"
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

enum { CPUS = 4, LIMIT_S = 240 };
/* Where the guest keeps its numbers. */
enum { TOTAL = 0x1000, OWN = 0x1100 /* + 64 * APIC id */, IPIS = 0x1200, CROSSING = 0x1ffe, WRONG = 0x1300, PUBLISHED = 0x1340, CODE = 0x3000, IDT = 0x4000 };

/* Every CPU comes in at F000:0000, the first by the reset vector, the others by the start-up message with vector F0h. */
__asm__(
	".pushsection .rodata\n"
	"	.balign 16\n"
	"smp_rom:\n"
	"	.code16\n"
	"	cli\n"
	"	lgdtl %cs:(smp_gdtr - smp_rom)\n"
	"	movl $0x11, %eax\n"
	"	movl %eax, %cr0\n"
	"	ljmpl $8, $(0xf0000 + smp_flat - smp_rom)\n"
	"	.code32\n"
	"smp_flat:\n"
	"	movw $16, %ax\n"
	"	movw %ax, %ds\n"
	"	movw %ax, %es\n"
	"	movw %ax, %ss\n"
	"	movl 0xfee00020, %ebx\n"                /* the local APIC's id */
	"	shrl $24, %ebx\n"
	"	movl %ebx, %eax\n"
	"	shll $10, %eax\n"
	"	movl $0x9000, %esp\n"
	"	subl %eax, %esp\n"
	"	testl %ebx, %ebx\n"
	"	jnz 2f\n"
	/* the first: the code that changes, the interrupt table, the others */
	"	movl $0x000000b8, 0x3003\n"             /* mov eax, imm32, the immediate at a multiple of four; ret */
	"	movb $0xc3, 0x3008\n"
	"	movl $(0x00080000 + smp_ipi - smp_rom), 0x4000 + 8 * 0x40\n"
	"	movl $0x000f8e00, 0x4004 + 8 * 0x40\n"
	"	movl $(0x00080000 + smp_spurious - smp_rom), 0x4000 + 8 * 0xff\n"
	"	movl $0x000f8e00, 0x4004 + 8 * 0xff\n"
	"	movl $0x000c4500, 0xfee00300\n"         /* INIT, then start-up, to all but itself */
	"	movl $0x000c46f0, 0xfee00300\n"
	"2:	lidtl %cs:(0xf0000 + smp_idtr - smp_rom)\n"
	"	movl $0x1ff, 0xfee000f0\n"
	"	sti\n"
	"	xorl %edi, %edi\n"
	"	xorl %ebp, %ebp\n"                      /* the newest code this CPU has seen */
	"	movl %ebx, %eax\n"
	"	shll $6, %eax\n"
	"	leal 0x1100(%eax), %esi\n"
	"3:	lock incl 0x1000\n"
	"	incl (%esi)\n"
	"	lock incl 0x1ffe\n"
	"	incl %edi\n"
	"	testl $15, %edi\n"
	"	jnz 3b\n"
	"	movb %bl, %al\n"
	"	outb %al, $0x80\n"
	"	movl 0xfee00030, %eax\n"
	/* code: one writes, all run */
	"	testl %ebx, %ebx\n"
	"	jnz 4f\n"
	"	movl 0x1340, %eax\n"
	"	incl %eax\n"
	"	movl %eax, 0x3004\n"
	"	movl %eax, 0x1340\n"
	"4:	movl 0x1340, %ecx\n"
	"	pushl %ebx\n"
	"	pushl %ecx\n"
	"	xorl %eax, %eax\n"
	"	cpuid\n"                                /* what the writer did is seen: SDM 3, 8.1.3 */
	"	popl %ecx\n"
	"	popl %ebx\n"
	"	movl $0x3003, %eax\n"
	"	call *%eax\n"
	"	cmpl %ecx, %eax\n"
	"	jb 5f\n"
	"	cmpl %ebp, %eax\n"
	"	jae 6f\n"
	"5:	lock incl 0x1300\n"
	"6:	movl %eax, %ebp\n"
	"	testl $255, %edi\n"
	"	jnz 3b\n"
	"	movl $0x000c4040, 0xfee00300\n"         /* vector 40h to all but itself */
	"	jmp 3b\n"
	"smp_ipi:\n"
	"	lock incl 0x1200\n"
	"	movl $0, 0xfee000b0\n"
	"	iretl\n"
	"smp_spurious:\n"
	"	iretl\n"
	"	.balign 8\n"
	"smp_gdt: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff\n"
	"smp_gdtr: .word 23\n	.long 0xf0000 + smp_gdt - smp_rom\n"
	"smp_idtr: .word 0x7ff\n	.long 0x4000\n"
	"smp_rom_end:\n"
	"	.code64\n"
	".popsection\n");
extern const unsigned char smp_rom[], smp_rom_end[];

/* A dword of guest memory, as the monitor shows it. */
static uint32_t peek(struct vm *vm, unsigned addr)
{
	char line[32];
	unsigned at = 0, v = 0;
	struct text t = { 0 };
	snprintf(line, sizeof line, "xp /1wx 0x%x", addr);
	vm_monitor(vm, line, &t);
	if (!t.s || sscanf(t.s, "%x: %x", &at, &v) != 2)
		fail_msg("%s: %s", line, t.s ? t.s : "");
	text_free(&t);
	return v;
}

static enum vm_run run_state(struct vm *vm)
{
	struct vm_status st;
	vm_get_status(vm, &st);
	return st.run;
}

static void wait_for(struct vm *vm, enum vm_run state)
{
	time_t end = time(NULL) + LIMIT_S;
	while (run_state(vm) != state) {
		struct pollfd p = { .fd = vm_event_fd(vm), .events = POLLIN };
		if (time(NULL) > end)
			fail_msg("in vain: run state %d", (int)state);
		poll(&p, 1, 100);
		vm_event_ack(vm);
	}
}

/* Machine stopped: every CPU may be between two of its counts. */
static void check_counts(struct vm *vm)
{
	uint32_t total = peek(vm, TOTAL), own = 0, crossing = peek(vm, CROSSING);
	for (unsigned n = 0; n < CPUS; n++)
		own += peek(vm, OWN + 64 * n);
	if (total - own > CPUS || total - crossing > 2 * CPUS)
		fail_msg("locked counts: %u, across a page %u, added up %u", total, crossing, own);
	assert_int_equal(peek(vm, WRONG), 0);
}

static void all_at_work(const char *engine, const char *icount, uint32_t rounds)
{
	char rom[] = "/tmp/vmux-smp-XXXXXX";
	rom_write(rom, smp_rom, smp_rom_end);
	char *argv[] = { "vmux", "-accel", (char *)engine, "-smp", "4", "-m", "16", "-bios", rom, "-display", "none", "-nodefaults",
		icount ? "-icount" : NULL, (char *)icount, NULL };
	struct error err = { "" };
	int status;
	struct vm *vm = vm_create(icount ? 14 : 12, argv, &status, &err);
	unlink(rom);
	if (!vm)
		fail_msg("%s", err.msg);
	assert_true(vm_start(vm, &err));
	time_t end = time(NULL) + LIMIT_S;
	for (bool enough = false; !enough;) {
		struct screen s = { 0 };
		struct text t = { 0 };
		vm_screen(vm, &s, true);
		screen_free(&s);
		vm_monitor(vm, "info lapic", &t);
		vm_monitor(vm, "info registers -a", &t);
		vm_monitor(vm, "info irq", &t);
		text_free(&t);
		vm_stop(vm);
		wait_for(vm, VM_PAUSED);
		check_counts(vm);
		enough = peek(vm, IPIS) > 20;
		for (unsigned n = 0; n < CPUS; n++)
			enough = enough && peek(vm, OWN + 64 * n) > rounds;
		if (!enough && time(NULL) > end)
			fail_msg("too slow: %u rounds, %u interrupts", peek(vm, TOTAL), peek(vm, IPIS));
		vm_cont(vm);
		wait_for(vm, VM_RUNNING);
		struct timespec nap = { .tv_nsec = 20 * 1000 * 1000 };
		nanosleep(&nap, NULL);
	}
	vm_reset(vm);
	assert_int_equal(vm_destroy(vm), 0);
}

static void interpreted(void **state) { all_at_work("interp", NULL, 3000); }
static void translated(void **state)  { all_at_work("jit", NULL, 3000); }
static void in_one_thread(void **state) { all_at_work("interp", "shift=2", 3000); }

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(interpreted), cmocka_unit_test(translated), cmocka_unit_test(in_one_thread) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
