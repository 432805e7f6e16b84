# walk.S - boot sector for the debugger's tests: through real mode and 32-bit code into 64-bit code, and there a loop of functions that
# touch known places.  The lowest 2 MB are mapped at 0 and at ffffffff80000000.  Other CPUs that come here join the loop.  Symbols: walk.elf.
	.set	counter16, 0x600
	.set	counter32, 0x604
	.set	counter, 0x608		# of work
	.set	copy, 0x610
	.set	input, 0x618
	.set	buffer, 0x620		# 16 bytes
	.set	seen, 0x630		# what `patched` was patched to
	.set	int3_count, 0x634
	.set	db_count, 0x638
	.set	want_traps, 0x63c
	.set	want_halt, 0x640
	.set	high_counter, 0x648
	.set	stacks, 0x650		# size of the stacks that have been given out
	.set	idt, 0x5000
	.set	apic, 0xfee00000
	.set	high, 0xffffffff80000000
	.globl	stacks, counter16, counter32, counter, copy, input, buffer, seen, int3_count, db_count, want_traps, want_halt, high_counter, high

	.code16
	.globl	_start, real_mode, prot32, long64, main, work, work_end, patch, patched, traps, dr_target, high_work, halting, start_cpus
_start:	cli
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x100, %ax
	lock xaddw %ax, stacks
	movw	$0x7c00, %sp
	subw	%ax, %sp
real_mode:
	incw	counter16
	lgdtl	gdtr
	movl	%cr0, %eax
	orb	$1, %al
	movl	%eax, %cr0
	ljmp	$8, $prot32

	.code32
prot32:	movw	$16, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	incl	counter32
	movl	$0x1000, %edi
	cmpb	$0, (%edi)
	jne	1f
	xorl	%eax, %eax
	movl	$0xc00, %ecx
	rep stosl
	movl	$0x2003, 0x1000
	movl	$0x2003, 0x1ff8
	movl	$0x3003, 0x2000
	movl	$0x3003, 0x2ff0
	movl	$0x3003, 0x2018
	movb	$0x83, 0x3000
	movl	$apic + 0x83, 0x3fb8
1:	movl	$0x1000, %eax
	movl	%eax, %cr3
	movl	$0x220, %eax		# PAE, OSFXSR
	movl	%eax, %cr4
	movl	$0xc0000080, %ecx
	rdmsr
	orb	$1, %ah			# LME
	wrmsr
	movl	%cr0, %eax
	orl	$0x80000000, %eax
	movl	%eax, %cr0
	ljmp	$24, $long64

	.code64
long64:	movzwl	%sp, %esp
	movl	$idt + 16, %edi
	movl	$db_handler, %eax
	call	gate
	addl	$16, %edi
	movl	$bp_handler, %eax
	call	gate
	lidt	idtr
main:	call	work
	call	patch
	movq	$high_work + high, %rax
	call	*%rax
	cmpb	$0, want_traps
	je	1f
	call	traps
1:	cmpb	$0, want_halt
	je	main
halting:
	hlt
	jmp	main

# All CPUs but this one: start at 6000h (SDM 3, figure "Interrupt Command Register").
start_cpus:
	movl	$apic + 0x300, %edi
	movl	$0xc4606, (%rdi)
	jmp	main

work:	incq	counter
	movq	counter, %rax
	movq	%rax, copy
	movq	input, %rbx
	movl	$buffer, %edi
	movl	$16, %ecx
	rep stosb
work_end:
	ret

patch:	incl	patched + 1
patched:
	movl	$0, %eax
	movl	%eax, seen
	ret

high_work:
	incq	high_counter
	ret

traps:	int3
	movl	$dr_target, %eax
	movq	%rax, %db0
	movl	$2, %eax		# on execution
	movq	%rax, %db7
	nop
dr_target:
	nop
	xorl	%eax, %eax
	movq	%rax, %db7
	movb	$0, want_traps
	ret

bp_handler:
	incl	int3_count
	iretq
db_handler:
	incl	db_count
	orl	$0x10000, 16(%rsp)	# RF
	iretq

# An interrupt gate at edi to eax.
gate:	movw	%ax, (%rdi)
	movl	$0x8e000018, 2(%rdi)
	movw	$0, 6(%rdi)
	addl	$16, %edi
	ret

	.balign 8
gdt:	.quad	0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
gdtr:	.word	31
	.long	gdt
idtr:	.word	0x7f
	.quad	idt
	.org	510
	.word	0xaa55
