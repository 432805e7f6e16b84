/* tasks.S - hardware task switches: CALL, JMP, INT, IRET, gates, 16-bit segments, double fault through a task gate. */
.macro GDT_MORE
gdt_b:	.word 0x67, 0, 0x8900, 0        /* 30 TSS B */
gdt_c:	.word 0x2b, 0, 0x8100, 0        /* 38 16-bit TSS C */
	.word 0, 0x30, 0xe500, 0        /* 40 task gate, DPL 3, to B */
gdt_d:	.word 0x67, 0, 0x8900, 0        /* 48 TSS of the double fault */
	.quad 0x00409a010000ffff        /* 50 code with base 10000 */
gdt_e:	.word 0x67, 0, 0x0900, 0        /* 58 TSS, not present */
gdt_f:	.word 0x66, 0, 0x8900, 0        /* 60 TSS, too short */
	.word 0, 0x30, 0x8500, 0        /* 68 task gate, DPL 0 */
.endm
#include "prot32.inc"
	.set BSTACK, 0xa0000
	.set DSTACK, 0xa8000

.macro SET_BASE desc, addr
	mov eax, offset \addr
	mov [\desc + 2], ax
	shr eax, 16
	mov [\desc + 4], al
	mov [\desc + 7], ah
.endm
.macro INIT_TSS t, eip, esp
	mov dword ptr [\t + 0x20], offset \eip
	mov dword ptr [\t + 0x24], 2
	mov dword ptr [\t + 0x38], \esp
	mov dword ptr [\t + 0x48], K_DATA
	mov dword ptr [\t + 0x4c], K_CODE
	mov dword ptr [\t + 0x50], K_DATA
	mov dword ptr [\t + 0x54], K_DATA
	mov dword ptr [\t + 0x58], K_DATA
	mov dword ptr [\t + 0x5c], K_DATA
.endm

	.code32
main32:
	SET_BASE gdt_b, tss_b
	SET_BASE gdt_c, tss_c
	SET_BASE gdt_d, tss_d
	SET_BASE gdt_e, tss_b
	SET_BASE gdt_f, tss_b
	INIT_TSS tss_b, task_b, BSTACK
	INIT_TSS tss_d, task_d, DSTACK

	mov ebx, 0x1234
	clts
	.byte 0x9a, 0, 0, 0, 0, 0x30, 0
	CHECK "back from the called task", ebx, 0x1234
	CHECK "called task: NT", seen_nt, 0x4000
	CHECK "called task: link", tss_b, TSS_SEL
	CHECK "called task: TR", seen_tr, 0x30
	CHECK "called task: CR0.TS", seen_ts, 8
	CHECK "called task: caller stays busy", seen_a, 0x8b
	CHECK "called task: busy", seen_b, 0x8b
	movzx eax, byte ptr [gdt_b + 5]
	CHECK "after IRET: task is available", eax, 0x89
	movzx eax, byte ptr [gdt_tss + 5]
	CHECK "after IRET: caller is busy", eax, 0x8b
	str eax
	CHECK "after IRET: TR", eax, TSS_SEL
	pushfd
	pop eax
	and eax, 0x4000
	CHECK "after IRET: NT clear", eax, 0

	/* through a task gate, and through the IDT */
	mov dword ptr [seen_tr], 0
	.byte 0x9a, 0, 0, 0, 0, 0x40, 0
	CHECK "CALL through a task gate", seen_tr, 0x30
	mov dword ptr [idt + 0x30 * 8], 0x00300000
	mov dword ptr [idt + 0x30 * 8 + 4], 0x0000e500
	mov dword ptr [seen_tr], 0
	int 0x30
	CHECK "INT through a task gate", seen_tr, 0x30
	/* a fault with an error code through a task gate */
	mov eax, [idt + 13 * 8]
	mov [save], eax
	mov eax, [idt + 13 * 8 + 4]
	mov [save + 4], eax
	mov dword ptr [idt + 13 * 8], 0x00300000
	mov dword ptr [idt + 13 * 8 + 4], 0x00008500
	mov dword ptr [pop_error], 1
	mov eax, 0x1000
gp:	mov ds, eax
gp_end:	CHECK "fault through a task gate: error code", seen_err, 0x1000
	mov dword ptr [pop_error], 0
	mov eax, [save]
	mov [idt + 13 * 8], eax
	mov eax, [save + 4]
	mov [idt + 13 * 8 + 4], eax

	/* JMP there and back */
	mov dword ptr [jump_back], 1
	.byte 0xea, 0, 0, 0, 0, 0x30, 0
	CHECK "JMP: leaving task becomes available", seen_a, 0x89
	movzx eax, byte ptr [gdt_tss + 5]
	CHECK "JMP back: busy", eax, 0x8b
	mov dword ptr [jump_back], 0
	INIT_TSS tss_b, task_b, BSTACK

	/* 16-bit */
	mov word ptr [tss_c + 0x0e], offset task_c - image_base
	mov word ptr [tss_c + 0x10], 2
	mov word ptr [tss_c + 0x12], 0x4321
	mov word ptr [tss_c + 0x1a], 0x7f00
	mov word ptr [tss_c + 0x22], K_DATA
	mov word ptr [tss_c + 0x24], 0x50
	mov word ptr [tss_c + 0x26], K_DATA
	mov word ptr [tss_c + 0x28], K_DATA
	mov dword ptr [seen_c], 0
	.byte 0x9a, 0, 0, 0, 0, 0x38, 0
	movzx eax, word ptr [seen_c]
	CHECK "16-bit task: AX", eax, 0x4321
	movzx eax, word ptr [tss_c]
	CHECK "16-bit task: link", eax, TSS_SEL

	/* refusals */
	FAULT "CALL of a busy TSS", 13, TSS_SEL, .byte 0x9a, 0, 0, 0, 0, TSS_SEL, 0
	FAULT "TSS not present", 11, 0x58, .byte 0x9a, 0, 0, 0, 0, 0x58, 0
	FAULT "TSS too short", 10, 0x60, .byte 0x9a, 0, 0, 0, 0, 0x60, 0
	FAULT3 "task gate of ring 0 from ring 3", 13, 0x68, u_gate
	FAULT3 "TSS of ring 0 from ring 3", 13, 0x30, u_tss
	pushfd
	or dword ptr [esp], 0x4000
	popfd
	mov dword ptr [tss], 0x10
	FAULT "IRET to something that is no TSS", 10, 0x10, iretd
	pushfd
	and dword ptr [esp], 0xffffbfff
	popfd
	/* a bad CS of the new task is #TS in that task */
	mov dword ptr [tss_b + 0x4c], 0x10
	ARM
	.byte 0x9a, 0, 0, 0, 0, 0x30, 0
88:	CHECK "bad CS in the new task", got_vec, 10
	CHECK "bad CS in the new task (error code)", got_err, 0x10
	str eax
	CHECK "fault belongs to the new task", eax, 0x30
	/* back: make A available and jump */
	mov byte ptr [gdt_tss + 5], 0x89
	mov dword ptr [tss + 0x20], offset 1f
	.byte 0xea, 0, 0, 0, 0, TSS_SEL, 0
1:	mov byte ptr [gdt_b + 5], 0x89
	INIT_TSS tss_b, task_b, BSTACK

	/* double fault through a task gate: the stack cannot take the frame */
	mov dword ptr [idt + 8 * 8], 0x00480000
	mov dword ptr [idt + 8 * 8 + 4], 0x00008500
	mov ebx, esp
	mov ecx, esp
	mov word ptr [gdt_b], 0xfff             /* a data segment of 4 KB takes its place for a while */
	mov dword ptr [gdt_b + 2], 0x92000000
	mov byte ptr [gdt_b + 6], 0x40
	mov byte ptr [gdt_b + 7], 0
	mov byte ptr [gdt_b + 5], 0x92
	mov byte ptr [gdt_b + 4], 0
	mov eax, 0x30
	mov ss, eax
	mov esp, 0x1000
	mov esp, 2
overflow: push eax
88:	nop
	EXIT

task_b:
	pushfd
	pop eax
	and eax, 0x4000
	mov [seen_nt], eax
	str eax
	mov [seen_tr], eax
	mov eax, cr0
	and eax, 8
	mov [seen_ts], eax
	movzx eax, byte ptr [gdt_tss + 5]
	mov [seen_a], eax
	movzx eax, byte ptr [gdt_b + 5]
	mov [seen_b], eax
	cmp dword ptr [jump_back], 0
	je 1f
	.byte 0xea, 0, 0, 0, 0, TSS_SEL, 0
	jmp task_b
1:	cmp dword ptr [pop_error], 0
	je 2f
	pop dword ptr [seen_err]
	mov dword ptr [tss + 0x20], offset gp_end
2:	iretd
	jmp task_b

task_c:	mov [seen_c], ax
	iretd
	jmp task_c

task_d:	/* double fault: error code 0 on this stack, the old task's EIP in its TSS */
	pop eax
	CHECK "double fault: error code", eax, 0
	CHECK "double fault: EIP of the old task", tss+0x20, "offset overflow"
	CHECK "double fault: SS of the old task", tss+0x50, 0x30
	str eax
	CHECK "double fault: TR", eax, 0x48
	EXIT

u_gate:	.byte 0x9a, 0, 0, 0, 0, 0x6b, 0
u_tss:	.byte 0x9a, 0, 0, 0, 0, 0x33, 0
	.balign 16
tss_b:	.fill 26, 4, 0
	.balign 16
tss_c:	.fill 22, 2, 0
	.balign 16
tss_d:	.fill 26, 4, 0
seen_nt: .long 0
seen_tr: .long 0
seen_ts: .long 0
seen_a:	.long 0
seen_b:	.long 0
seen_c:	.long 0
seen_err: .long 0
pop_error: .long 0
jump_back: .long 0
save:	.long 0, 0
