/* vm86.S - virtual-8086 mode: entry, interrupts out of it, sensitive instructions, limits, VME. */
.macro GDT_MORE
.endm
#include "prot32.inc"

/* Run 16-bit code at label in VM86 mode until INT 80h or a fault. */
.macro VM name, vec, err, label
	ARM
	mov ecx, offset \label - image_base
	call enter_vm
88:	CHECK "\name", got_vec, \vec
	.if \vec != -1
	CHECK "\name (error code)", got_err, \err
	.endif
.endm

	.code32
main32:
	mov word ptr [tss + 0x66], TSS_IOMAP
	mov dword ptr [vm_flags], 0x23002       /* IOPL 3 */
	VM "INT 80h returns", -1, 0, v_plain
	CHECK "registers come back", eax, 0x1234
	VM "#UD in VM86", 6, 0, v_ud
	CHECK "pushed CS", got_cs, 0x1000
	CHECK "pushed EIP", got_eip, "offset v_ud - image_base"
	mov eax, [got_eflags]
	and eax, 0x20000
	CHECK "pushed VM", eax, 0x20000
	CHECK "pushed SS", got_ss, 0x2000
	CHECK "pushed ESP", got_esp, 0xfff0
	CHECK "DS of the handler is null", got_ds, 0
	CHECK "pushed ES", got_vmes, 0x3000
	CHECK "pushed DS", got_vmds, 0x1000
	CHECK "pushed FS", got_vmfs, 0x4000
	CHECK "pushed GS", got_vmgs, 0x5000
	VM "HLT", 13, 0, v_hlt
	VM "MOV CR", 13, 0, v_cr
	VM "LGDT", 13, 0, v_lgdt
	VM "SLDT is #UD", 6, 0, v_sldt
	VM "ARPL is #UD", 6, 0, v_arpl
	VM "word at FFFF", 13, 0, v_limit
	VM "SS: word at FFFF", 12, 0, v_ss_limit
	VM "IOPL 3: CLI, STI, PUSHF, POPF, IRET", -1, 0, v_flags
	CHECK "IRET within VM86", eax, 0x77
	VM "IN by the bitmap", 13, 0, v_in
	VM "IN allowed", -1, 0, v_in_ok
	VM "INT through a ring-0 gate", 13, 0x10a, v_int21

	mov dword ptr [vm_flags], 0x20002       /* IOPL 0 */
	VM "IOPL 0: CLI", 13, 0, v_cli
	VM "IOPL 0: STI", 13, 0, v_sti
	VM "IOPL 0: PUSHF", 13, 0, v_pushf
	VM "IOPL 0: POPF", 13, 0, v_popf
	VM "IOPL 0: INT", 13, 0, v_int80
	VM "IOPL 0: IRET", 13, 0, v_iret
	VM "IOPL 0: INT3 is not sensitive", 13, 0x1a, v_int3

	/* VME */
	mov eax, cr4
	or eax, 1
	mov cr4, eax
	mov word ptr [0x60 * 4], offset v_handler - image_base
	mov word ptr [0x60 * 4 + 2], 0x1000
	VM "VME: CLI", 13, 0, v_vme_cli         /* ends with HLT */
	mov eax, [got_eflags]
	and eax, 0x80200
	CHECK "VME: CLI clears VIF, not IF", eax, 0
	VM "VME: STI", 13, 0, v_vme_sti
	mov eax, [got_eflags]
	and eax, 0x80000
	CHECK "VME: STI sets VIF", eax, 0x80000
	VM "VME: PUSHF", 13, 0, v_vme_pushf
	and eax, 0x3200
	CHECK "VME: PUSHF shows VIF and IOPL 3", eax, 0x3200
	VM "VME: INT redirected", 13, 0, v_vme_int
	CHECK "VME: handler ran in VM86", eax, 0x6060
	VM "VME: INT not redirected", 13, 0, v_int80
	mov dword ptr [vm_flags], 0x120002      /* VIP */
	VM "VME: STI with VIP", 13, 0, v_vme_sti
	CHECK "VME: STI with VIP faults itself", got_eip, "offset v_vme_sti - image_base"
	EXIT

enter_vm:
	pop dword ptr [user_ret]
	pushad
	mov [kernel_esp], esp
	mov dword ptr [tss + 4], FAULT_STACK
	mov dword ptr [tss + 8], K_DATA
	push 0x5000
	push 0x4000
	push 0x1000
	push 0x3000
	push 0x2000
	push 0xfff0
	push dword ptr [vm_flags]
	push 0x1000
	push ecx
	iretd
vm_flags: .long 0

	.code16
v_plain: mov eax, 0x1234
	int 0x80
v_ud:	ud2
v_hlt:	hlt
v_cr:	mov eax, cr0
v_lgdt:	lgdt [0]
v_sldt:	.byte 0x0f, 0x00, 0xc0
v_arpl:	.byte 0x63, 0xc0
v_limit:
	mov bx, 0xffff
	mov ax, [bx]
v_ss_limit:
	mov bp, 0xffff
	mov ax, [bp]
v_flags:
	cli
	sti
	pushf
	pop ax
	push ax
	popf
	pushf
	push cs
	push offset 1f - image_base
	iret
	ud2
1:	cli
	mov eax, 0x77
	int 0x80
v_in:	in al, 0x80
	int 0x80
v_in_ok: in al, 0xe9
	int 0x80
v_int21: int 0x21
v_cli:	cli
v_sti:	sti
v_pushf: pushf
v_popf:	popf
v_int80: int 0x80
v_iret:	iret
v_int3:	int3
v_vme_cli:
	cli
	hlt
v_vme_sti:
	sti
	hlt
v_vme_pushf:
	sti
	pushf
	pop ax
	hlt
v_vme_int:
	xor eax, eax
	int 0x60
	hlt
v_handler:
	mov ax, 0x6060
	iret
	.code32
