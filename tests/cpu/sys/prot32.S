/* prot32.S - 32-bit protected mode: segments, gates, privilege, descriptors, flags, debug registers. */
.macro GDT_MORE
	.quad 0                         /* 30 */
	.quad 0x00c0f2000000ffff        /* 38 data, ring 3, 256 MB... limit ffff pages */
	.quad 0x0040920500000fff        /* 40 data, byte limit fff, base 50000 */
	.quad 0x0040900500000fff        /* 48 read-only data */
	.quad 0x004098000000ffff        /* 50 execute-only code */
	.quad 0x00cf12000000ffff        /* 58 data, not present */
	.quad 0x00cf1a000000ffff        /* 60 code, not present */
	.quad 0x0040960500000fff        /* 68 expand-down data, limit fff, base 50000 */
	.quad 0x00cf9e000000ffff        /* 70 conforming code, DPL 0 */
	.quad 0x0000ec0000080000        /* 78 call gate, DPL 3, to 08 */
	.quad 0x00008c0000080000        /* 80 call gate, DPL 0 */
	.quad 0x00006c0000080000        /* 88 call gate, not present, DPL 3 */
	.quad 0x0000820000000000        /* 90 LDT */
	.quad 0x00cf9a000000ffff        /* 98 code 0, for RPL tests */
	.quad 0x0000e40000080000        /* A0 16-bit call gate, DPL 3 */
.endm
#include "prot32.inc"

	.code32
main32:
	mov word ptr [tss + 0x66], TSS_IOMAP

	/* ---- simple exceptions ---- */
	FAULT "#UD", 6, 0, ud2
	xor ecx, ecx
	FAULT "#DE", 0, 0, div ecx
	ARM
bpoint:	int3
88:	CHECK "#BP", got_vec, 3
	CHECK "#BP is a trap", got_eip, "offset bpoint+1"
	mov eax, 0x7fffffff
	add eax, 1
	FAULT "#OF", 4, 0, into
	xor eax, eax
	NOFAULT "INTO without OF", into
	mov eax, 11
	FAULT "#BR", 5, 0, bound eax, [bounds]
	mov eax, 10
	NOFAULT "BOUND inside", bound eax, [bounds]
	ARM
ud:	ud2
88:	CHECK "fault pushes its own EIP", got_eip, "offset ud"
	mov eax, [got_eflags]
	and eax, 0x10000
	CHECK "fault pushes RF", eax, 0x10000
	CHECK "fault pushes CS", got_cs, K_CODE
	FAULT "LOCK on a register operand", 6, 0, .byte 0xf0, 0x01, 0xc0

	/* ---- loading segments ---- */
	mov eax, 0x1000
	FAULT "DS beyond the GDT", 13, 0x1000, mov ds, eax
	mov eax, 0x1007
	FAULT "DS beyond the LDT", 13, 0x1004, mov ds, eax
	xor eax, eax
	FAULT "null SS", 13, 0, mov ss, eax
	NOFAULT "null FS loads", mov fs, eax
	FAULT "null FS cannot be used", 13, 0, mov eax, fs:[0]
	mov eax, 0x50
	FAULT "DS from execute-only code", 13, 0x50, mov ds, eax
	mov eax, 0x58
	FAULT "DS not present", 11, 0x58, mov ds, eax
	FAULT "SS not present", 12, 0x58, mov ss, eax
	mov eax, 0x48
	FAULT "SS read-only", 13, 0x48, mov ss, eax
	mov eax, U_DATA
	FAULT "SS of another privilege", 13, 0x20, mov ss, eax
	mov eax, TSS_SEL
	FAULT "DS from a TSS", 13, TSS_SEL, mov ds, eax
	mov eax, 0x13
	FAULT "RPL above DPL", 13, 0x10, mov es, eax
	FAULT "MOV to CS", 6, 0, .byte 0x8e, 0xc8
	mov eax, 0x40
	mov fs, eax
	mov byte ptr [0x50000], 0x5a
	movzx eax, byte ptr fs:[0]
	CHECK "base is applied", eax, 0x5a
	mov eax, [gdt + 0x44]
	and eax, 0x100
	CHECK "accessed bit is set", eax, 0x100

	/* ---- limits and rights ---- */
	NOFAULT "last byte of a segment", mov al, fs:[0xfff]
	FAULT "beyond the limit", 13, 0, mov al, fs:[0x1000]
	FAULT "across the limit", 13, 0, mov eax, fs:[0xffd]
	FAULT "wrapping past the limit", 13, 0, mov eax, fs:[0xffffffff]
	mov eax, 0x48
	mov gs, eax
	NOFAULT "reading read-only data", mov al, gs:[0]
	FAULT "writing read-only data", 13, 0, mov gs:[0], al
	FAULT "writing code", 13, 0, mov cs:[bounds], eax
	mov eax, 0x68
	mov gs, eax
	FAULT "expand-down: below", 13, 0, mov al, gs:[0xfff]
	NOFAULT "expand-down: above", mov al, gs:[0x1000]
	call far_tests
	call descriptor_tests
	call ring3_tests
	call flag_tests
	call debug_tests
	call fastcall_tests
	EXIT

bounds:	.long 5, 10

/* ---- far transfers within ring 0 ---- */
far_tests:
	FAULT "JMP to null", 13, 0, .byte 0xea, 0, 0, 0, 0, 0, 0
	FAULT "JMP to data", 13, 0x10, .byte 0xea, 0, 0, 0, 0, 0x10, 0
	FAULT "JMP to code not present", 11, 0x60, .byte 0xea, 0, 0, 0, 0, 0x60, 0
	FAULT "JMP to ring 3", 13, 0x18, .byte 0xea, 0, 0, 0, 0, 0x1b, 0
	FAULT "CALL through a gate not present", 11, 0x88, .byte 0x9a, 0, 0, 0, 0, 0x88, 0
	FAULT "JMP beyond the limit", 13, 0, .byte 0xea, 0, 0, 1, 0, 0x50, 0
	/* near branches beyond the limit fault themselves, with nothing done: code at 9000 in the segment of 64 KB */
	mov eax, 0x12345
	mov dword ptr [0x9000], 0xc3d0ffe0      /* (ff) e0: jmp eax; ff d0: call eax; c3: ret */
	mov byte ptr [0x8fff], 0xff
	push eax                                /* the handler's got_esp is what the stack pointer points at */
	FAULT "near JMP beyond the limit", 13, 0, .byte 0xea, 0xff, 0x8f, 0, 0, 0x50, 0
	CHECK "near JMP beyond the limit: EIP", got_eip, 0x8fff
	CHECK "near JMP beyond the limit: CS", got_cs, 0x50
	FAULT "near CALL beyond the limit", 13, 0, .byte 0xea, 0x01, 0x90, 0, 0, 0x50, 0
	CHECK "near CALL beyond the limit: EIP", got_eip, 0x9001
	CHECK "near CALL beyond the limit: stack", got_esp, 0x12345
	FAULT "near RET beyond the limit", 13, 0, .byte 0xea, 0x03, 0x90, 0, 0, 0x50, 0
	CHECK "near RET beyond the limit: EIP", got_eip, 0x9003
	CHECK "near RET beyond the limit: stack", got_esp, 0x12345
	pop eax
	/* gate to the same privilege */
	mov eax, offset gate_target
	mov [gdt + 0x78], ax
	mov [gdt + 0x80], ax
	mov [gdt + 0xa0], ax
	shr eax, 16
	mov [gdt + 0x7e], ax
	mov [gdt + 0x86], ax
	xor edx, edx
	mov ebx, esp
	.byte 0x9a, 0, 0, 0, 0, 0x80, 0
	CHECK "call gate, same privilege", edx, 0x1234
	mov ecx, esp
	CHECK "RETF, same privilege", ecx, ebx
	.byte 0x9a
	.long gate_target
	.word 0x70
	CHECK "conforming code: CPL stays", ecx, 0x70
	ret
gate_target:
	mov edx, 0x1234
	mov ecx, cs
	retf

/* ---- instructions on descriptors ---- */
descriptor_tests:
	mov eax, 0x40
	lar ebx, eax
	setz cl
	movzx ecx, cl
	CHECK "LAR sets ZF", ecx, 1
	CHECK "LAR", ebx, 0x00409300
	lsl ebx, eax
	CHECK "LSL", ebx, 0xfff
	mov eax, K_DATA
	lsl ebx, eax
	CHECK "LSL with granularity", ebx, -1
	mov eax, 0x1000
	mov ebx, 7
	lar ebx, eax
	setz cl
	movzx ecx, cl
	CHECK "LAR of nothing clears ZF", ecx, 0
	CHECK "LAR of nothing leaves the register", ebx, 7
	mov eax, 0x78
	lsl ebx, eax
	setz cl
	movzx ecx, cl
	CHECK "LSL of a gate clears ZF", ecx, 0
	mov eax, 0x50
	verr ax
	setz cl
	movzx ecx, cl
	CHECK "VERR of execute-only code", ecx, 0
	mov eax, 0x48
	verr ax
	setz cl
	verw ax
	setz ch
	movzx ecx, cx
	CHECK "VERR, VERW of read-only data", ecx, 1
	mov eax, 0x10
	mov ebx, 0x1b
	arpl ax, bx
	CHECK "ARPL", eax, 0x13
	str eax
	CHECK "STR", eax, TSS_SEL
	/* LDT: one data segment */
	mov eax, offset ldt
	mov [gdt + 0x92], ax
	shr eax, 16
	mov [gdt + 0x94], al
	mov word ptr [gdt + 0x90], 7
	mov eax, 0x90
	lldt ax
	sldt eax
	CHECK "SLDT", eax, 0x90
	mov eax, 4
	mov fs, eax
	movzx eax, byte ptr fs:[0]
	CHECK "segment from the LDT", eax, 0x5a
	mov eax, 0xc
	FAULT "beyond the LDT", 13, 0xc, mov fs, eax
	mov eax, 0x10
	FAULT "LLDT of data", 13, 0x10, lldt ax
	mov eax, TSS_SEL
	FAULT "LTR of a busy TSS", 13, TSS_SEL, ltr ax
	xor eax, eax
	lldt ax
	sgdt [scratch]
	movzx eax, word ptr [scratch]
	CHECK "SGDT limit", eax, "offset gdt_end-gdt-1"
	CHECK "SGDT base", scratch+2, "offset gdt"
	ret
ldt:	.quad 0x0040920500000fff
	.balign 16
scratch: .fill 4, 4, 0

/* ---- ring 3 ---- */
ring3_tests:
	FAULT3 "CLI in ring 3", 13, 0, u_cli
	FAULT3 "HLT in ring 3", 13, 0, u_hlt
	FAULT3 "MOV CR in ring 3", 13, 0, u_cr
	FAULT3 "IN without permission", 13, 0, u_in_bad
	FAULT3 "IN with permission", -1, 0, u_in_good
	CHECK "value of that IN", eax, 0xe9
	FAULT3 "IN: second byte not permitted", 13, 0, u_in_half
	FAULT3 "INT through a ring-0 gate", 13, 0x10a, u_int21
	FAULT3 "loading ring-0 data", 13, 0x10, u_ds
	FAULT3 "call to ring-0 code", 13, 8, u_call0
	FAULT3 "call through a ring-0 gate", 13, 0x80, u_gate0
	FAULT3 "ring 3 may POPF, IF stays", -1, 0, u_popf
	CHECK "POPF in ring 3 leaves IF and IOPL", eax, 0
	mov dword ptr [user_eflags], 0x3002
	FAULT3 "IOPL 3: CLI, IN", -1, 0, u_cli_in
	mov dword ptr [user_eflags], 2
	ARM
	push offset u_ud
	call run3
88:	CHECK "fault from ring 3: CS", got_cs, U_CODE
	CHECK "fault from ring 3: SS", got_ss, U_DATA
	CHECK "fault from ring 3: ESP", got_esp, USTACK
	CHECK "fault from ring 3: handler's SS", got_hss, K_DATA
	CHECK "fault from ring 3: DS kept", got_ds, U_DATA

	/* call gate to ring 0 with two parameters */
	mov byte ptr [gdt + 0x7c], 2
	mov eax, offset gate_inner
	mov [gdt + 0x78], ax
	shr eax, 16
	mov [gdt + 0x7e], ax
	FAULT3 "call gate with parameters", -1, 0, u_gate
	CHECK "call gate: second parameter", eax, 0x22222222
	CHECK "call gate: CPL", scratch, K_CODE
	CHECK "call gate: SS", scratch+4, K_DATA
	CHECK "RETF n to ring 3: ESP", scratch+8, USTACK
	CHECK "return to ring 3 drops ring-0 data", scratch+12, 0
	/* conforming code keeps CPL 3 */
	FAULT3 "conforming code from ring 3", -1, 0, u_conform
	CHECK "conforming: CPL 3", eax, 0x73
	ret
u_cli:	cli
u_hlt:	hlt
u_cr:	mov eax, cr0
u_ud:	ud2
u_in_bad:
	in al, 0x80
	int 0x80
u_in_good:
	xor eax, eax
	in al, 0xe9
	int 0x80
u_in_half:
	in ax, 0xf0
	int 0x80
u_int21: int 0x21
u_ds:	mov eax, 0x10
	mov ds, eax
	int 0x80
u_call0: .byte 0x9a, 0, 0, 0, 0, 8, 0
u_gate0: .byte 0x9a, 0, 0, 0, 0, 0x83, 0
u_popf:	push 0x3202
	popfd
	pushfd
	pop eax
	and eax, 0x3200
	int 0x80
u_cli_in:
	cli
	in al, 0x80
	int 0x80
u_gate:
	push 0x22222222
	push 0x11111111
	.byte 0x9a, 0, 0, 0, 0, 0x7b, 0
	mov [scratch + 8], esp
	mov ebx, es
	mov [scratch + 12], ebx
	int 0x80
gate_inner:
	mov eax, cs
	mov [scratch], eax
	mov eax, ss
	mov [scratch + 4], eax
	mov eax, K_DATA
	mov es, eax
	mov eax, [esp + 12]
	retf 8
u_conform:
	.byte 0x9a
	.long conform_target
	.word 0x70
	int 0x80
conform_target:
	mov eax, cs
	retf

/* ---- EFLAGS ---- */
flag_tests:
	pushfd
	pop eax
	xor eax, 0x240000
	push eax
	popfd
	pushfd
	pop ebx
	xor eax, ebx
	and eax, 0x240000
	CHECK "AC and ID can be changed", eax, 0
	push 2
	popfd
	/* alignment check: only in ring 3 with CR0.AM */
	mov eax, cr0
	or eax, 0x40000
	mov cr0, eax
	mov dword ptr [user_eflags], 0x40002
	FAULT3 "#AC", 17, 0, u_unaligned
	FAULT3 "aligned access with AC", -1, 0, u_aligned
	mov dword ptr [user_eflags], 2
	FAULT3 "unaligned access without AC", -1, 0, u_unaligned
	mov eax, cr0
	and eax, 0xfffbffff
	mov cr0, eax
	ret
u_unaligned:
	mov eax, [scratch + 1]
	int 0x80
u_aligned:
	mov eax, [scratch]
	int 0x80

/* ---- debug registers ---- */
debug_tests:
	xor eax, eax
	mov dr6, eax
	/* single step */
	ARM
	pushfd
	or dword ptr [esp], 0x100
	popfd
	nop
stepped: nop
88:	CHECK "single step", got_vec, 1
	CHECK "single step: EIP behind", got_eip, "offset stepped"
	mov eax, dr6
	and eax, 0xe00f
	CHECK "DR6.BS", eax, 0x4000
	xor eax, eax
	mov dr6, eax
	/* code breakpoint */
	mov eax, offset bp_here
	mov dr0, eax
	mov eax, 2
	mov dr7, eax
	ARM
	nop
bp_here: mov eax, 5
	nop
88:	CHECK "code breakpoint", got_vec, 1
	CHECK "code breakpoint is a fault", got_eip, "offset bp_here"
	mov eax, dr6
	and eax, 0xe00f
	CHECK "DR6.B0", eax, 1
	xor eax, eax
	mov dr6, eax
	/* RF lets it pass */
	ARM
	pushfd
	or dword ptr [esp], 0x10000
	push K_CODE
	push offset bp_here
	mov dword ptr [resume_eip], offset 88f
	jmp 1f
88:	CHECK "RF: breakpoint passed over", got_vec, 6
	jmp 2f
1:	mov word ptr [bp_here + 5], 0x0b0f      /* ud2 behind the breakpoint */
	iretd
2:	mov word ptr [bp_here + 5], 0x9090
	/* data breakpoint, write, 4 bytes */
	mov eax, offset scratch
	mov dr1, eax
	mov eax, 0x00d00008
	mov dr7, eax
	ARM
	mov eax, [scratch]
	mov byte ptr [scratch + 2], 1
watched: nop
88:	CHECK "data breakpoint", got_vec, 1
	CHECK "data breakpoint is a trap", got_eip, "offset watched"
	mov eax, dr6
	and eax, 0xe00f
	CHECK "DR6.B1", eax, 2
	NOFAULT "data breakpoint: next to it", mov byte ptr [scratch + 4], 1
	/* general detect */
	mov eax, 0x2000
	mov dr7, eax
	FAULT "general detect", 1, 0, mov eax, dr0
	mov eax, dr6
	and eax, 0x2000
	CHECK "DR6.BD", eax, 0x2000
	mov eax, dr7
	and eax, 0x2000
	CHECK "DR7.GD is cleared", eax, 0
	xor eax, eax
	mov dr7, eax
	mov dr6, eax
	/* DR4 is DR6 without CR4.DE, #UD with it */
	NOFAULT "DR4", .byte 0x0f, 0x21, 0xe0
	mov eax, cr4
	or eax, 8
	mov cr4, eax
	FAULT "DR4 with CR4.DE", 6, 0, .byte 0x0f, 0x21, 0xe0
	mov eax, cr4
	and eax, 0xfffffff7
	mov cr4, eax
	FAULT "INT1", 1, 0, .byte 0xf1
	ret

/* ---- SYSENTER, SYSEXIT ---- */
fastcall_tests:
	mov ecx, 0x174
	xor eax, eax
	xor edx, edx
	wrmsr
	FAULT "SYSENTER without CS", 13, 0, sysenter
	mov eax, K_CODE
	wrmsr
	mov ecx, 0x175
	mov eax, KSTACK - 0x1000
	wrmsr
	mov ecx, 0x176
	mov eax, offset entered
	wrmsr
	mov dword ptr [scratch], 0
	FAULT3 "SYSENTER and SYSEXIT", -1, 0, u_sysenter
	CHECK "after SYSEXIT", eax, 0x77
	CHECK "SYSENTER: CS", scratch, K_CODE
	CHECK "SYSENTER: ESP", scratch+4, KSTACK-0x1000
	mov ecx, 0x12345
	FAULT "unknown MSR", 13, 0, rdmsr
	mov eax, 0x80000000
	FAULT "reserved bit of CR4", 13, 0, mov cr4, eax
	mov eax, 0x80000000
	FAULT "PG without PE", 13, 0, mov cr0, eax
	FAULT "CR1", 6, 0, .byte 0x0f, 0x20, 0xc8
	ret
u_sysenter:
	sysenter
u_back:	mov eax, 0x77
	int 0x80
entered:
	mov eax, cs
	mov [scratch], eax
	mov [scratch + 4], esp
	mov ecx, USTACK
	mov edx, offset u_back
	sysexit
