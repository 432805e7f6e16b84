/* real16.S - real mode: vectors, limits, A20, unreal mode. */
#include "common.inc"
	.code16
	.globl _start
_start:
	cli
	cld
	mov ax, cs
	mov ds, ax
	xor ax, ax
	mov es, ax
	mov ss, ax
	mov sp, 0x7000

	/* INT n pushes FLAGS, CS, IP and clears IF and TF */
	mov word ptr es:[0x60 * 4], offset handler60 - BASE
	mov es:[0x60 * 4 + 2], cs
	sti
	int 0x60
after60:
	cli
	CHECK16 "INT pushes IP", cx, "offset after60 - BASE"
	mov ax, cs
	CHECK16 "INT pushes CS", dx, ax
	test bx, 0x200
	setz al
	CHECK16 "INT pushes IF", al, 0
	test bp, 0x200
	VERDICT16 "INT clears IF"
	CHECK16 "IRET restores SP", sp, 0x7000

	/* divide error: a fault, IP of the instruction */
	mov word ptr es:[0], offset handler0 - BASE
	mov es:[2], cs
	xor bl, bl
	mov ax, 5
divide:	div bl
	CHECK16 "#DE is a fault", cx, "offset divide - BASE"

	/* limit: a word at FFFF is #GP (13), through SS #SS (12) */
	mov word ptr es:[13 * 4], offset handler13 - BASE
	mov es:[13 * 4 + 2], cs
	mov word ptr es:[12 * 4], offset handler12 - BASE
	mov es:[12 * 4 + 2], cs
	xor dx, dx
	mov bx, 0xffff
	mov word ptr [resume], offset 1f - BASE
	mov ax, [bx]
1:	CHECK16 "#GP at FFFF", dx, 13
	xor dx, dx
	mov bp, 0xffff
	mov word ptr [resume], offset 1f - BASE
	mov ax, [bp]
1:	CHECK16 "#SS at FFFF", dx, 12
	xor dx, dx
	mov al, [bx]
	CHECK16 "byte at FFFF", dx, 0
	/* the stack wraps within 64 KB */
	mov sp, 0
	push 0x1234
	CHECK16 "push wraps SP", sp, 0xfffe
	pop ax
	CHECK16 "pop wraps SP", sp, 0
	mov sp, 0x7000

	/* single step: one trap after each instruction, TF clear in the handler */
	mov word ptr es:[4], offset handler1 - BASE
	mov es:[6], cs
	xor dx, dx
	pushf
	pop ax
	or ax, 0x100
	push ax
	popf
	nop
	nop
	pushf
	pop ax
	and ax, 0xfeff
	push ax
	popf
	CHECK16 "TF traps", dx, 7

	/* A20: with the gate closed 100000h is 0 */
	in al, 0x92
	mov cl, al
	mov ax, 0xffff
	mov fs, ax
	mov word ptr es:[0x500], 0x1111
	mov al, 0
	out 0x92, al
	mov ax, fs:[0x510]
	CHECK16 "A20 closed wraps", ax, 0x1111
	mov al, 2
	out 0x92, al
	mov word ptr fs:[0x510], 0x2222
	mov ax, es:[0x500]
	CHECK16 "A20 open does not", ax, 0x1111
	mov ax, fs:[0x510]
	CHECK16 "A20 high byte", ax, 0x2222

	/* unreal mode: limits of protected mode stay */
	lgdt [gdtr - BASE]
	mov eax, cr0
	or al, 1
	mov cr0, eax
	mov bx, 8
	mov gs, bx
	and al, 0xfe
	mov cr0, eax
	xor bx, bx
	mov gs, bx
	xor dx, dx
	mov word ptr [resume], offset 1f - BASE
	mov ebx, 0x200000
	mov dword ptr gs:[ebx], 0x55aa1234
	mov eax, gs:[ebx]
1:	CHECK16 "unreal mode", eax, 0x55aa1234
	CHECK16 "unreal mode without fault", dx, 0

	/* 32-bit operands in real mode */
	mov eax, 0x12345678
	push eax
	pop ebx
	CHECK16 "push r32", ebx, 0x12345678
	CHECK16 "push r32 moves SP by 4", sp, 0x7000
	/* far call and return */
	push cs
	pop ax
	mov [farptr + 2 - BASE], ax
	lcall [farptr - BASE]
	CHECK16 "far call", dx, 0x77
	CHECK16 "far return", sp, 0x7000
	/* SMSW, SGDT */
	smsw ax
	test al, 1
	VERDICT16 "SMSW: PE clear"
	mov bp, sp
	EXIT

handler60:
	pushf
	pop bp
	push bp
	mov bp, sp
	mov cx, [bp + 2]
	mov dx, [bp + 4]
	mov bx, [bp + 6]
	pop bp
	iret
handler0:
	push bp
	mov bp, sp
	mov cx, [bp + 2]
	add word ptr [bp + 2], 2
	pop bp
	iret
handler12:
	mov dx, 12
	jmp 1f
handler13:
	mov dx, 13
1:	push bp
	mov bp, sp
	mov ax, [resume]
	mov [bp + 2], ax
	pop bp
	iret
handler1:
	inc dx
	iret
farproc:
	mov dx, 0x77
	retf
	.balign 8
farptr:	.word farproc - image_base, 0
gdt:	.quad 0
	.quad 0x00cf92000000ffff
gdtr:	.word 15
	.long gdt
	.set resume, rvar - image_base
rvar:	.word 0
	COMMON16
