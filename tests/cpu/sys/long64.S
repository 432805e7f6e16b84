/* long64.S - long mode: entry, frames, IST, canonical addresses, SYSCALL, compatibility mode, gates, paging, PCID, NMI and IRQ. */
.macro GDT_MORE
	.quad 0x00af9a000000ffff        /* 30 64-bit code, ring 0 */
	.quad 0x00cf92000000ffff        /* 38 data for SYSCALL */
	.quad 0x00cffa000000ffff        /* 40 32-bit code, ring 3 (SYSRET base) */
	.quad 0x00cff2000000ffff        /* 48 data, ring 3 */
	.quad 0x00affa000000ffff        /* 50 64-bit code, ring 3 */
gdt_tss64: .quad 0, 0                   /* 58 */
gdt_gate: .quad 0, 0                    /* 68 call gate, DPL 3 */
	.quad 0x00ef9a000000ffff        /* 78 L and D: reserved */
.endm
#include "prot32.inc"
	.set K64, 0x30
	.set U64, 0x53
	.set U32, 0x43
	.set UD, 0x4b
	.set PML4, 0x200000
	.set PDPT, 0x201000
	.set PD0, 0x202000
	.set PT, 0x203000
	.set PD1, 0x204000
	.set FRAME, 0x300000
	.set VIRT, 0x40000000
	.set BAD, 0x8000000000000000
	.set IST1, 0xb0000
	.set EFER, 0xc0000080

.macro CHECK64 name, got, want
	push \want
	push \got
	push offset 77f
	call check64
	jmp 78f
77:	.asciz "\name"
78:
.endm
.macro ARM64
	mov qword ptr [resume64], offset 88f
	mov [rsp64], rsp
	mov qword ptr [vec64], -1
	mov qword ptr [err64], 0
.endm
/* 87b is the instruction */
.macro FAULT64 name, vec, err, insn:vararg
	ARM64
87:	\insn
88:	CHECK64 "\name", [vec64], \vec
	.if \vec != -1
	CHECK64 "\name (error code)", [err64], \err
	.endif
.endm
/* Ring-3 code at label with code segment cs. */
.macro USER64 name, vec, err, cs, label
	ARM64
	mov rcx, offset \label
	mov edx, \cs
	call run_user
88:	CHECK64 "\name", [vec64], \vec
	.if \vec != -1
	CHECK64 "\name (error code)", [err64], \err
	.endif
.endm

	.code32
main32:
	mov edi, PML4
	mov ecx, 0x6000 / 4
	xor eax, eax
	rep stosd
	mov dword ptr [PML4], PDPT + 7
	mov dword ptr [PDPT], PD0 + 7
	mov dword ptr [PDPT + 8], PD1 + 7
	mov dword ptr [PDPT + 16], 0x87         /* 80000000: a 1 GB page at 0 */
	mov dword ptr [PD1], PT + 7
	mov dword ptr [PT], FRAME + 7
	mov edi, PD0
	mov eax, 0x87
	mov ecx, 8
1:	mov [edi], eax
	add eax, 0x200000
	add edi, 8
	loop 1b
	/* enable */
	mov eax, cr4
	or eax, 0x20
	mov cr4, eax
	mov eax, PML4
	mov cr3, eax
	mov ecx, EFER
	rdmsr
	or eax, 0x901                           /* NXE, LME, SCE */
	wrmsr
	rdmsr
	and eax, 0x400
	CHECK "LMA clear before paging", eax, 0
	mov eax, cr4
	and eax, 0xffffffdf
	mov cr4, eax
	mov eax, cr0
	or eax, 0x80000000
	FAULT "PG with LME needs PAE", 13, 0, mov cr0, eax
	mov eax, cr4
	or eax, 0x20
	mov cr4, eax
	mov eax, cr0
	or eax, 0x80000000
	mov cr0, eax
	rdmsr
	and eax, 0x400
	CHECK "LMA set with paging", eax, 0x400
	.byte 0xea
	.long start64
	.word K64

	.code64
start64:
	/* IDT */
	mov edi, offset idt64
	mov eax, offset stubs64
	mov ecx, 256
1:	mov [rdi], ax
	mov word ptr [rdi + 2], K64
	mov word ptr [rdi + 4], 0x8e00
	mov ebx, eax
	shr ebx, 16
	mov [rdi + 6], bx
	mov qword ptr [rdi + 8], 0
	add edi, 16
	add eax, 8
	loop 1b
	mov byte ptr [idt64 + 0x80 * 16 + 5], 0xee
	mov eax, offset user_done
	mov [idt64 + 0x80 * 16], ax
	shr eax, 16
	mov [idt64 + 0x80 * 16 + 6], ax
	lidt [idtr64]
	/* TSS */
	mov eax, offset tss64
	mov word ptr [gdt_tss64], 0x67
	mov [gdt_tss64 + 2], ax
	shr eax, 16
	mov [gdt_tss64 + 4], al
	mov byte ptr [gdt_tss64 + 5], 0x89
	mov qword ptr [tss64 + 4], FAULT_STACK
	mov qword ptr [tss64 + 36], IST1 + 8    /* not aligned by 16 */
	mov ax, 0x58
	ltr ax
	mov rsp, KSTACK
	call frames
	call canonical
	call invalid
	call syscalls
	call bases
	call compat
	call paging
	call control
	call interrupts
	jmp leave_long

frames:
	mov rbx, rsp
ud64:	FAULT64 "#UD", 6, 0, ud2
	CHECK64 "frame: CS", [cs64], K64
	CHECK64 "frame: RSP", [orsp64], rbx
	mov rax, [hrsp64]
	and eax, 15
	CHECK64 "frame: aligned", rax, 8        /* five words on a multiple of 16 */
	push rax
	mov rbx, rsp
	FAULT64 "#UD on an odd stack", 6, 0, ud2
	CHECK64 "odd stack: RSP", [orsp64], rbx
	mov rax, [hrsp64]
	and eax, 15
	CHECK64 "odd stack: aligned", rax, 8
	pop rax
	mov byte ptr [idt64 + 6 * 16 + 4], 1
	FAULT64 "#UD on IST1", 6, 0, ud2
	CHECK64 "IST1: stack", [hrsp64], IST1-40
	mov byte ptr [idt64 + 6 * 16 + 4], 0
	mov eax, 0x1000
	FAULT64 "error code", 13, 0x1000, mov ds, eax
	str eax
	CHECK64 "STR", rax, 0x58
	xor eax, eax
	mov ss, eax
	push 1
	pop rax
	CHECK64 "null SS in ring 0", rax, 1
	FAULT64 "#UD with null SS", 6, 0, ud2
	mov eax, 0x38
	mov ss, eax
	ret

canonical:
	movabs rbx, BAD
	FAULT64 "read", 13, 0, mov rax, [rbx]
	FAULT64 "write", 13, 0, mov [rbx], rax
	mov rbp, rbx
	FAULT64 "through RBP", 12, 0, mov rax, [rbp]
	movabs rbx, 0x7ffffffffffc
	FAULT64 "across the hole", 13, 0, mov rax, [rbx]
	mov rdi, rsp
	movabs rsp, BAD
	mov qword ptr [resume64], offset 88f
	mov [rsp64], rdi
	mov byte ptr [idt64 + 12 * 16 + 4], 1
	push rax
88:	CHECK64 "push", [vec64], 12
	mov byte ptr [idt64 + 12 * 16 + 4], 0
	movabs rbx, BAD
	/* the branch itself faults, with nothing done */
	mov rcx, rsp
	FAULT64 "jump", 13, 0, jmp rbx
	CHECK64 "jump: RIP", [rip64], "offset 87b"
	FAULT64 "call", 13, 0, call rbx
	CHECK64 "call: RIP", [rip64], "offset 87b"
	CHECK64 "call: RSP", [orsp64], rcx
	push rbx
	mov rcx, rsp
	FAULT64 "jump through memory", 13, 0, jmp [rsp]
	CHECK64 "jump through memory: RIP", [rip64], "offset 87b"
	FAULT64 "call through memory", 13, 0, call [rsp]
	CHECK64 "call through memory: RIP", [rip64], "offset 87b"
	CHECK64 "call through memory: RSP", [orsp64], rcx
	FAULT64 "ret", 13, 0, ret
	CHECK64 "ret: RIP", [rip64], "offset 87b"
	CHECK64 "ret: RSP", [orsp64], rcx
	FAULT64 "ret n", 13, 0, ret 16
	CHECK64 "ret n: RIP", [rip64], "offset 87b"
	CHECK64 "ret n: RSP", [orsp64], rcx
	pop rbx
	ret

invalid:
	FAULT64 "PUSH ES", 6, 0, .byte 0x06
	FAULT64 "INTO", 6, 0, .byte 0xce
	FAULT64 "DAA", 6, 0, .byte 0x27
	FAULT64 "AAM", 6, 0, .byte 0xd4, 0x0a
	FAULT64 "PUSHA", 6, 0, .byte 0x60
	FAULT64 "far JMP immediate", 6, 0, .byte 0xea
	FAULT64 "group 1 alias 82", 6, 0, .byte 0x82, 0xc0, 0
	FAULT64 "MOV CR1", 6, 0, .byte 0x0f, 0x20, 0xc8
	ret

syscalls:
	mov ecx, 0xc0000081
	xor eax, eax
	mov edx, 0x00400030
	wrmsr
	mov ecx, 0xc0000082
	mov eax, offset entry64
	xor edx, edx
	wrmsr
	mov ecx, 0xc0000083
	mov eax, offset entry32
	wrmsr
	mov ecx, 0xc0000084
	mov eax, 0x401                          /* DF, CF */
	wrmsr
	USER64 "SYSCALL and SYSRET", -1, 0, U64, u_syscall
	CHECK64 "after SYSRET", rax, 0x42
	CHECK64 "SYSCALL: CS", [seen + 0], K64
	CHECK64 "SYSCALL: SS", [seen + 8], 0x38
	CHECK64 "SYSCALL: RCX", [seen + 16], "offset u_after"
	mov rax, [seen + 24]
	and eax, 0x401
	CHECK64 "SYSCALL: R11 has the flags", rax, 0x401
	mov rax, [seen + 32]
	and eax, 0x401
	CHECK64 "SYSCALL: flags are masked", rax, 0
	CHECK64 "SYSRET: CS", [seen + 40], U64
	CHECK64 "SYSRET: SS", [seen + 48], UD
	USER64 "SYSCALL in ring 3 from compatibility mode", -1, 0, U32, u_syscall32
	CHECK64 "after SYSRET to 32 bits", rax, 0x43
	CHECK64 "SYSRET: 32-bit CS", [seen + 40], U32
	mov ecx, EFER
	rdmsr
	and eax, 0xfffffffe
	wrmsr
	USER64 "SYSCALL without SCE", 6, 0, U64, u_syscall
	mov ecx, EFER
	rdmsr
	or eax, 1
	wrmsr
	mov ecx, 0xc0000082
	mov edx, 0x80000000
	FAULT64 "LSTAR not canonical", 13, 0, wrmsr
	USER64 "SYSRET in ring 3", 13, 0, U64, u_sysret
	/* SYSENTER */
	mov ecx, 0x174
	mov eax, K64
	xor edx, edx
	wrmsr
	mov ecx, 0x175
	mov eax, KSTACK - 0x800
	wrmsr
	mov ecx, 0x176
	mov eax, offset entered64
	wrmsr
	USER64 "SYSENTER and SYSEXIT, 64 bits", -1, 0, U64, u_sysenter
	CHECK64 "after SYSEXIT", rax, 0x44
	ret
u_syscall:
	std
	stc
	syscall
u_after: mov ebx, cs
	mov [seen + 40], rbx
	mov ebx, ss
	mov [seen + 48], rbx
	cld
	int 0x80
entry64:
	mov ebx, cs
	mov [seen], rbx
	mov ebx, ss
	mov [seen + 8], rbx
	mov [seen + 16], rcx
	mov [seen + 24], r11
	mov rbx, rsp
	mov rsp, KSTACK - 0x400
	pushfq
	pop qword ptr [seen + 32]
	mov rsp, rbx
	mov eax, 0x42
	.byte 0x48, 0x0f, 0x07
u_sysret: .byte 0x48, 0x0f, 0x07
u_sysenter:
	sysenter
entered64:
	mov edx, offset 1f
	mov ecx, USTACK
	rex.w sysexit
1:	mov eax, 0x44
	int 0x80
	.code32
u_syscall32:
	.byte 0x0f, 0x05
	mov ebx, cs
	mov [seen + 40], ebx
	int 0x80
	.code64
entry32: mov eax, 0x43
	.byte 0x0f, 0x07

bases:
	mov ecx, 0xc0000100
	mov eax, 0x1000
	mov edx, 0
	wrmsr
	mov qword ptr [FRAME], 0x5a5a
	mov rax, fs:[FRAME - 0x1000]
	CHECK64 "FS base", rax, 0x5a5a
	mov ecx, 0xc0000102
	mov eax, 0x2000
	wrmsr
	mov ecx, 0xc0000101
	mov eax, 0x3000
	wrmsr
	swapgs
	mov rax, gs:[FRAME - 0x2000]
	CHECK64 "SWAPGS", rax, 0x5a5a
	swapgs
	mov rax, gs:[FRAME - 0x3000]
	CHECK64 "SWAPGS back", rax, 0x5a5a
	USER64 "SWAPGS in ring 3", 13, 0, U64, u_swapgs
	FAULT64 "RDFSBASE without CR4.FSGSBASE", 6, 0, rdfsbase rax
	mov rax, cr4
	or eax, 0x10000
	mov cr4, rax
	rdgsbase rax
	CHECK64 "RDGSBASE", rax, 0x3000
	mov eax, 0x4000
	wrgsbase rax
	mov rax, gs:[FRAME - 0x4000]
	CHECK64 "WRGSBASE", rax, 0x5a5a
	movabs rax, BAD
	FAULT64 "WRFSBASE not canonical", 13, 0, wrfsbase rax
	mov ecx, 0xc0000100
	mov edx, 0x80000000
	FAULT64 "FS base not canonical", 13, 0, wrmsr
	ret
u_swapgs: swapgs

compat:
	FAULT64 "code with L and D", 13, 0x78, jmp fword ptr [far_ld]
	USER64 "ring 3, 64 bits", -1, 0, U64, u_plain
	CHECK64 "ring 3, 64 bits: CS", rax, U64
	USER64 "ring 3, compatibility", -1, 0, U32, u_compat
	CHECK64 "compatibility: PUSH ES works, RIP is 32 bits", rax, 0x1234
	USER64 "#UD in compatibility mode", 6, 0, U32, u_ud32
	CHECK64 "its CS", [cs64], U32
	/* call gate to ring 0 */
	mov eax, offset gate64
	mov [gdt_gate], ax
	mov word ptr [gdt_gate + 2], K64
	mov word ptr [gdt_gate + 4], 0xec00
	shr eax, 16
	mov [gdt_gate + 6], ax
	mov qword ptr [gdt_gate + 8], 0
	USER64 "call gate from 64 bits", -1, 0, U64, u_gate64
	CHECK64 "call gate: CS", [seen], K64
	CHECK64 "call gate: stack", [seen + 8], FAULT_STACK-32
	CHECK64 "call gate: old SS on the stack", [seen + 16], UD
	CHECK64 "call gate: SS is null", [seen + 24], 0
	USER64 "call gate from compatibility mode", -1, 0, U32, u_gate32
	CHECK64 "call gate from compatibility mode: CS", [seen], K64
	USER64 "ring 3: null SS", 13, 0, U64, u_null_ss
	USER64 "ring 3: CR8", 13, 0, U64, u_cr8
	ret
u_plain: mov eax, cs
	int 0x80
u_null_ss:
	xor eax, eax
	mov ss, eax
u_cr8:	mov rax, cr8
u_gate64:
	rex.w call fword ptr [far_gate]
	int 0x80
	.balign 8
far_gate: .quad 0
	.word 0x6b
far_ld:	.long 0
	.word 0x78
	.code32
u_compat:
	push es
	pop es
	mov eax, 0x1234
	int 0x80
u_ud32:	ud2
u_gate32:
	.byte 0x9a, 0, 0, 0, 0, 0x6b, 0
	int 0x80
	.code64
gate64:
	mov ebx, cs
	mov [seen], rbx
	mov [seen + 8], rsp
	mov rbx, [rsp + 24]
	mov [seen + 16], rbx
	mov ebx, ss
	mov [seen + 24], rbx
	rex.w retf

paging:
	mov rax, [VIRT]
	CHECK64 "4-level walk", rax, 0x5a5a
	mov rax, [0x80000000 + FRAME]
	CHECK64 "1 GB page", rax, 0x5a5a
	FAULT64 "PTE not present", 14, 0, mov rax, [VIRT + 0x1000]
	movabs rbx, 0x100000000
	FAULT64 "PDPTE not present", 14, 0, mov rax, [rbx]
	movabs rbx, 0xffff800000000000
	FAULT64 "PML4E not present", 14, 0, mov rax, [rbx]
	CHECK64 "CR2 is 64 bits", [cr2_64], rbx
	mov byte ptr [FRAME], 0xc3
	mov ebx, VIRT
	FAULT64 "executable", -1, 0, call rbx
	mov dword ptr [PT + 4], 0x80000000
	invlpg [rbx]
	FAULT64 "NX", 14, 0x11, call rbx
	USER64 "NX in ring 3", 14, 0x15, U64, u_nx
	mov dword ptr [PT + 4], 0
	mov dword ptr [PML4 + 8], PDPT + 7 + 0x80
	movabs rbx, 0x8000000000
	FAULT64 "PS in a PML4E is reserved", 14, 9, mov rax, [rbx]
	mov dword ptr [PML4 + 8], 0
	mov dword ptr [PDPT + 24], 0x2087
	mov eax, 0xc0000000
	FAULT64 "1 GB page: reserved bit", 14, 9, mov rax, [rax]
	mov dword ptr [PDPT + 24], 0
	/* rights of all levels */
	mov dword ptr [PDPT + 8], PD1 + 5
	mov rax, cr3
	mov cr3, rax
	USER64 "no W in the PDPTE", 14, 7, U64, u_store
	mov dword ptr [PDPT + 8], PD1 + 3
	mov rax, cr3
	mov cr3, rax
	USER64 "no U in the PDPTE", 14, 5, U64, u_load
	mov dword ptr [PDPT + 8], PD1 + 7
	mov rax, cr3
	mov cr3, rax
	/* A and D */
	mov dword ptr [PT], FRAME + 7
	mov eax, VIRT
	invlpg [rax]
	mov rcx, [VIRT]
	mov eax, [PT]
	CHECK64 "A", rax, FRAME+0x27
	mov [VIRT], rcx
	mov eax, [PT]
	CHECK64 "D", rax, FRAME+0x67
	ret
u_nx:	mov ebx, VIRT
	call rbx
u_load:	mov eax, [VIRT]
	int 0x80
u_store: mov [VIRT], eax
	int 0x80

control:
	mov rax, cr4
	and eax, 0xffffffdf
	FAULT64 "PAE cannot be cleared", 13, 0, mov cr4, rax
	mov rax, cr0
	and eax, 0x7fffffff
	FAULT64 "PG cannot be cleared in 64-bit code", 13, 0, mov cr0, rax
	movabs rax, 0x100000000
	FAULT64 "CR0: upper half", 13, 0, mov cr0, rax
	FAULT64 "DR7: upper half", 13, 0, mov dr7, rax
	movabs rax, 0x4000000000000000
	FAULT64 "CR3: reserved bits", 13, 0, mov cr3, rax
	mov eax, 16
	FAULT64 "CR8 above 15", 13, 0, mov cr8, rax
	mov eax, 9
	mov cr8, rax
	mov rax, cr8
	CHECK64 "CR8", rax, 9
	xor eax, eax
	mov cr8, rax
	mov ecx, EFER
	rdmsr
	xor eax, 0x100
	FAULT64 "EFER.LME while paging", 13, 0, wrmsr
	rdmsr
	or eax, 0x2
	FAULT64 "EFER: reserved bit", 13, 0, wrmsr
	/* PCID */
	mov rbx, cr3
	mov rax, rbx
	or rax, 1
	mov cr3, rax
	mov rcx, cr4
	or ecx, 0x20000
	FAULT64 "PCIDE with a PCID in CR3", 13, 0, mov cr4, rcx
	mov cr3, rbx
	mov rcx, cr4
	or ecx, 0x20000
	FAULT64 "PCIDE", -1, 0, mov cr4, rcx
	mov rax, rbx
	or rax, 5
	FAULT64 "CR3 with a PCID", -1, 0, mov cr3, rax
	mov rcx, [VIRT]
	bts rax, 63
	FAULT64 "CR3 with bit 63", -1, 0, mov cr3, rax
	mov rax, cr3
	and eax, 0xfff
	CHECK64 "bit 63 is not stored", rax, 5
	mov qword ptr [seen], 5
	mov qword ptr [seen + 8], VIRT
	xor ecx, ecx
	FAULT64 "INVPCID 0", -1, 0, invpcid rcx, [seen]
	mov ecx, 4
	FAULT64 "INVPCID 4", 13, 0, invpcid rcx, [seen]
	mov ecx, 2
	FAULT64 "INVPCID 2", -1, 0, invpcid rcx, [seen]
	/* mappings of another PCID are not seen */
	mov qword ptr [FRAME], 0x1111
	mov qword ptr [FRAME + 0x1000], 0x2222
	mov rax, rbx
	or rax, 1
	mov cr3, rax
	mov dword ptr [PT], FRAME + 7
	USER64 "PCID 1 maps the page", -1, 0, U64, u_load
	CHECK64 "PCID 1", rax, 0x1111
	mov rax, rbx
	or rax, 2
	mov cr3, rax
	mov dword ptr [PT], FRAME + 0x1007
	mov ecx, 3
	invpcid rcx, [seen]
	USER64 "PCID 2 maps another", -1, 0, U64, u_load
	CHECK64 "PCID 2", rax, 0x2222
	mov rax, rbx
	or rax, 1
	mov cr3, rax
	USER64 "PCID 1 after a flush of all", -1, 0, U64, u_load
	CHECK64 "PCID 1 flushed", rax, 0x2222
	mov cr3, rbx
	mov rcx, cr4
	and ecx, 0xfffdffff
	mov cr4, rcx
	/* UMIP */
	USER64 "SGDT in ring 3", -1, 0, U64, u_sgdt
	mov rax, cr4
	or eax, 0x800
	mov cr4, rax
	USER64 "SGDT in ring 3 with UMIP", 13, 0, U64, u_sgdt
	mov rax, cr4
	and eax, 0xfffff7ff
	mov cr4, rax
	rdtscp
	CHECK64 "RDTSCP: TSC_AUX", rcx, 0
	mov rax, cr4
	or eax, 4
	mov cr4, rax
	USER64 "RDTSC in ring 3 with TSD", 13, 0, U64, u_rdtsc
	mov rax, cr4
	and eax, 0xfffffffb
	mov cr4, rax
	ret
u_sgdt:	sgdt [seen]
	int 0x80
u_rdtsc: rdtsc
	int 0x80

/* IRQs by port F0h (vector), NMI by F1h */
.macro SET_GATE vec, label
	mov eax, offset \label
	mov [idt64 + \vec * 16], ax
	shr eax, 16
	mov [idt64 + \vec * 16 + 6], ax
.endm
interrupts:
	SET_GATE 0x40, irq
	SET_GATE 2, nmi
	mov qword ptr [seen], 0
	mov al, 0x40
	out 0xf0, al
	nop
	CHECK64 "IF clear: interrupt waits", [seen], 0
	xor ebx, ebx
	sti
	inc ebx                                 /* the shadow of STI */
	inc ebx
	cli
	CHECK64 "interrupt taken", [seen], 1
	CHECK64 "one instruction after STI", [seen + 8], 1
	pushfq
	pop rax
	and eax, 0x200
	CHECK64 "IF", rax, 0
	mov al, 0x40
	out 0xf0, al
	mov eax, 0x38
	xor ebx, ebx
	sti
	mov ss, eax                             /* STI's shadow, then MOV SS's own */
	inc ebx
	inc ebx
	cli
	CHECK64 "MOV SS holds it off", [seen + 8], 1
	sti
	nop
	mov al, 0x40
	out 0xf0, al
	nop
	cli
	CHECK64 "IF set: taken at once", [seen], 3
	/* HLT wakes */
	mov al, 0x40
	out 0xf0, al
	sti
	hlt
	cli
	CHECK64 "HLT wakes", [seen], 4
	/* NMI, and a second one held until IRET */
	mov qword ptr [seen], 0
	mov qword ptr [seen + 16], 0
	out 0xf1, al
	nop
	CHECK64 "NMI: the second waits for IRET", [seen + 16], 1
	CHECK64 "NMI: both taken", [seen], 2
	ret
irq:	inc qword ptr [seen]
	mov [seen + 8], rbx
	iretq
nmi:	push rax
	inc qword ptr [seen]
	cmp qword ptr [seen], 1
	jne 1f
	out 0xf1, al
	nop
	mov rax, [seen]
	mov [seen + 16], rax
1:	pop rax
	iretq

/* ---- back to 32 bits ---- */
leave_long:
	push K_CODE
	push offset 1f
	rex.w retf
	.code32
1:	mov eax, cr0
	and eax, 0x7fffffff
	mov cr0, eax
	mov ax, K_DATA
	mov ds, eax
	mov es, eax
	mov ss, eax
	mov ecx, EFER
	rdmsr
	and eax, 0x400
	CHECK "paging off: LMA clear", eax, 0
	lidt [idtr]
	mov byte ptr [gdt_tss + 5], 0x89
	mov eax, TSS_SEL
	ltr ax
	FAULT "protected mode again", 6, 0, ud2
	EXIT

	.code64
/* ring 3: rcx = code, edx = CS */
run_user:
	pop qword ptr [ret64]
	push rbx
	push rcx
	push rdx
	push rbp
	mov [krsp64], rsp
	mov eax, UD
	mov ds, eax
	push UD
	push USTACK
	push 2
	push rdx
	push rcx
	iretq
user_done:
	mov rsp, [krsp64]
	pop rbp
	pop rdx
	pop rcx
	pop rbx
	jmp [ret64]

	.balign 8
stubs64:
	.rept 256
	.byte 0xe8
	.long caught64 - . - 4
	.byte 0x90, 0x90, 0x90
	.endr
caught64:
	push rax
	mov [sav64], rax
	mov rax, [rsp + 8]
	sub rax, offset stubs64
	shr eax, 3
	mov [vec64], rax
	mov qword ptr [err64], 0
	lea rax, [rsp + 16]
	cmp dword ptr [vec64], 17
	je 1f
	cmp dword ptr [vec64], 8
	je 1f
	cmp dword ptr [vec64], 10
	jb 2f
	cmp dword ptr [vec64], 14
	ja 2f
1:	push qword ptr [rax]
	pop qword ptr [err64]
	add rax, 8
2:	mov [hrsp64], rax
	push qword ptr [rax]
	pop qword ptr [rip64]
	push qword ptr [rax + 8]
	pop qword ptr [cs64]
	push qword ptr [rax + 24]
	pop qword ptr [orsp64]
	mov rax, cr2
	mov [cr2_64], rax
	mov rax, [sav64]
	mov rsp, [rsp64]
	cld
	jmp [resume64]

/* check64(name, got, want) */
check64:
	pushfq
	push rax
	push rbx
	push rcx
	push rsi
	cld
	mov rax, [rsp + 56]
	mov rbx, [rsp + 64]
	cmp rax, rbx
	mov esi, offset text_ok
	je 1f
	mov esi, offset text_fail
1:	call puts64
	mov rsi, [rsp + 48]
	call puts64
	cmp rax, rbx
	je 2f
	mov esi, offset text_got
	call puts64
	call puthex64
	mov esi, offset text_want
	call puts64
	mov rax, rbx
	call puthex64
2:	mov al, 10
	out TEXT_PORT, al
	pop rsi
	pop rcx
	pop rbx
	pop rax
	popfq
	ret 24
puts64:	push rax
1:	lodsb
	test al, al
	jz 2f
	out TEXT_PORT, al
	jmp 1b
2:	pop rax
	ret
puthex64:
	mov ecx, 16
1:	rol rax, 4
	push rax
	and al, 15
	add al, '0'
	cmp al, '9'
	jbe 2f
	add al, 'a' - '0' - 10
2:	out TEXT_PORT, al
	pop rax
	loop 1b
	ret
	.balign 16
tss64:	.fill 26, 4, 0
idtr64:	.word 4095
	.quad idt64
	.balign 16
seen:	.fill 8, 8, 0
resume64: .quad 0
rsp64:	.quad 0
vec64:	.quad 0
err64:	.quad 0
rip64:	.quad 0
cs64:	.quad 0
orsp64:	.quad 0
hrsp64:	.quad 0
cr2_64:	.quad 0
sav64:	.quad 0
ret64:	.quad 0
krsp64:	.quad 0
	.balign 16
idt64:	.fill 512, 8, 0
