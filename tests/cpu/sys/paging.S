/* paging.S - 32-bit and PAE paging: faults and their codes, rights, A and D, large pages, NX, SMEP, SMAP, crossings, self-modifying code. */
.macro GDT_MORE
.endm
#include "prot32.inc"
	.set PD, 0x200000
	.set PT0, 0x201000
	.set PT1, 0x202000
	.set PDPT, 0x203000
	.set PD0, 0x204000
	.set PT2, 0x205000
	.set FRAME_A, 0x300000
	.set FRAME_B, 0x301000
	.set VIRT, 0x400000             /* PT1 maps from here */

	.code32
main32:
	mov edi, PD
	mov ecx, 0x6000 / 4
	xor eax, eax
	rep stosd
	/* identity for the first 4 MB, everything allowed */
	mov edi, PT0
	mov eax, 7
	mov ecx, 1024
1:	stosd
	add eax, 0x1000
	loop 1b
	mov dword ptr [PD], PT0 + 7
	mov dword ptr [PD + 4], PT1 + 7
	mov dword ptr [FRAME_A], 0xaaaaaaaa
	mov dword ptr [FRAME_B], 0xbbbbbbbb
	mov eax, PD
	mov cr3, eax
	mov eax, cr0
	or eax, 0x80000000
	mov cr0, eax
	call faults
	call rights
	call accessed
	call large
	call crossing
	call selfmod
	mov eax, cr0
	and eax, 0x7fffffff
	mov cr0, eax
	call pae
	EXIT

faults:
	FAULT "read of a page not present", 14, 0, mov eax, [VIRT + 0x123]
	CHECK "CR2", got_cr2, VIRT+0x123
	FAULT "write to a page not present", 14, 2, mov [VIRT], eax
	FAULT "no page table", 14, 0, mov eax, [0xc0000000]
	mov eax, VIRT + 0x10
	ARM
	jmp eax
88:	CHECK "jump to a page not present", got_vec, 14
	CHECK "jump to a page not present (error code)", got_err, 0
	CHECK "jump to a page not present: EIP", got_eip, VIRT+0x10
	FAULT3 "user read not present", 14, 4, u_read
	FAULT3 "user write not present", 14, 6, u_write
	ret
u_read:	mov eax, [VIRT]
	int 0x80
u_write: mov [VIRT], eax
	int 0x80

rights:
	mov dword ptr [PT1], FRAME_A + 1        /* supervisor, read-only */
	mov eax, VIRT
	invlpg [eax]
	CHECK "read through the mapping", "dword ptr [VIRT]", 0xaaaaaaaa
	FAULT3 "user read of a supervisor page", 14, 5, u_read
	FAULT3 "user write of a supervisor page", 14, 7, u_write
	NOFAULT "WP clear: supervisor writes read-only", mov dword ptr [VIRT], 0x11111111
	CHECK "written", "dword ptr [FRAME_A]", 0x11111111
	mov eax, cr0
	or eax, 0x10000
	mov cr0, eax
	FAULT "WP set: supervisor write of read-only", 14, 3, mov dword ptr [VIRT], 2
	mov eax, cr0
	and eax, 0xfffeffff
	mov cr0, eax
	mov dword ptr [PT1], FRAME_A + 5        /* user, read-only */
	mov eax, VIRT
	invlpg [eax]
	FAULT3 "user read allowed", -1, 0, u_read
	CHECK "user read", eax, 0x11111111
	FAULT3 "user write of read-only", 14, 7, u_write
	/* the directory restricts too */
	mov dword ptr [PT1], FRAME_A + 7
	mov dword ptr [PD + 4], PT1 + 3
	mov eax, cr3
	mov cr3, eax
	FAULT3 "directory without U", 14, 5, u_read
	mov dword ptr [PD + 4], PT1 + 5
	mov eax, cr3
	mov cr3, eax
	FAULT3 "directory without W", 14, 7, u_write
	mov dword ptr [PD + 4], PT1 + 7
	mov eax, cr3
	mov cr3, eax
	ret

accessed:
	mov dword ptr [PT1], FRAME_B + 7
	mov dword ptr [PD + 4], PT1 + 7
	mov eax, cr3
	mov cr3, eax
	mov eax, [VIRT]
	CHECK "after CR3 the new mapping", eax, 0xbbbbbbbb
	CHECK "read sets A", "dword ptr [PT1]", FRAME_B+0x27
	mov eax, [PD + 4]
	CHECK "read sets A in the directory", eax, PT1+0x27
	mov [VIRT], eax
	CHECK "write sets D", "dword ptr [PT1]", FRAME_B+0x67
	mov dword ptr [PT1], FRAME_A + 7
	mov eax, VIRT
	invlpg [eax]
	mov eax, [VIRT]
	CHECK "INVLPG: new mapping", eax, 0x11111111
	/* a read-modify-write that cannot write must not set D */
	mov dword ptr [PT1], FRAME_A + 5
	mov eax, VIRT
	invlpg [eax]
	FAULT3 "user RMW of read-only is a write fault", 14, 7, u_rmw
	mov eax, [PT1]
	and eax, 0x40
	CHECK "and D stays clear", eax, 0
	ret
u_rmw:	inc dword ptr [VIRT]
	int 0x80

large:
	mov eax, cr4
	or eax, 0x10
	mov cr4, eax
	mov dword ptr [PD + 8], 0x87            /* 4 MB page: virtual 800000 = physical 0 */
	mov eax, [0x800000 + FRAME_A]
	CHECK "4 MB page", eax, 0x11111111
	mov dword ptr [0x800000 + FRAME_A], 0x33333333
	CHECK "4 MB page: write", "dword ptr [FRAME_A]", 0x33333333
	mov eax, [PD + 8]
	CHECK "4 MB page: A and D", eax, 0xe7
	mov dword ptr [PD + 8], 0x400087        /* physical 400000 */
	mov ebx, 0x800000
	invlpg [ebx + 0x5000]
	mov dword ptr [0x800000 + FRAME_A], 0x44444444
	CHECK "INVLPG of a large page drops all of it", "dword ptr [FRAME_A]", 0x33333333
	mov dword ptr [PD + 8], 0x200087
	mov eax, cr3
	mov cr3, eax
	FAULT "reserved bit 21", 14, 9, mov eax, [0x800000]
	FAULT "reserved bit 21, write", 14, 11, mov [0x800000], eax
	mov dword ptr [PD + 8], 0
	mov eax, cr3
	mov cr3, eax
	ret

crossing:
	mov dword ptr [PT1], FRAME_A + 7
	mov dword ptr [PT1 + 4], FRAME_B + 7
	mov eax, cr3
	mov cr3, eax
	mov dword ptr [FRAME_A + 0xffc], 0x04030201
	mov dword ptr [FRAME_B], 0x08070605
	mov eax, [VIRT + 0xffe]
	CHECK "read across pages", eax, 0x06050403
	mov dword ptr [VIRT + 0xffd], 0x11223344
	CHECK "write across pages: first", "dword ptr [FRAME_A+0xffc]", 0x22334401
	CHECK "write across pages: second", "dword ptr [FRAME_B]", 0x08070611
	mov dword ptr [PT1 + 4], 0
	mov eax, cr3
	mov cr3, eax
	FAULT "read into a page not present", 14, 0, mov eax, [VIRT + 0xffe]
	CHECK "its CR2 is in the second page", got_cr2, VIRT+0x1000
	FAULT "write into a page not present", 14, 2, mov dword ptr [VIRT + 0xffe], 0
	CHECK "nothing was written", "dword ptr [FRAME_A+0xffc]", 0x22334401
	/* an instruction across pages */
	mov byte ptr [FRAME_A + 0xfff], 0xb8
	mov dword ptr [PT1 + 4], FRAME_B + 7
	mov eax, cr3
	mov cr3, eax
	mov dword ptr [FRAME_B], 0x12345678
	mov byte ptr [FRAME_B + 4], 0xc3
	mov ebx, VIRT + 0xfff
	call ebx
	CHECK "instruction across pages", eax, 0x12345678
	mov dword ptr [FRAME_B], 0x77777777
	call ebx
	CHECK "instruction across pages, second part changed", eax, 0x77777777
	mov dword ptr [PT1 + 4], 0
	mov eax, cr3
	mov cr3, eax
	ARM
	jmp ebx
88:	CHECK "instruction into a page not present", got_vec, 14
	CHECK "its EIP", got_eip, VIRT+0xfff
	CHECK "its CR2", got_cr2, VIRT+0x1000
	ret

selfmod:
	mov dword ptr [PT1], FRAME_A + 7
	mov eax, VIRT
	invlpg [eax]
	mov byte ptr [FRAME_A], 0xb8            /* mov eax, imm; ret */
	mov dword ptr [FRAME_A + 1], 1
	mov byte ptr [FRAME_A + 5], 0xc3
	mov ebx, FRAME_A
	xor edx, edx
	mov ecx, 100
1:	mov [FRAME_A + 1], ecx
	call ebx
	add edx, eax
	loop 1b
	CHECK "code changed before each run", edx, 5050
	xor edx, edx
	mov ecx, 100
1:	mov [VIRT + 1], ecx
	call ebx
	add edx, eax
	loop 1b
	CHECK "code changed through an alias", edx, 5050
	/* the running block changes what follows in it */
	mov byte ptr [later + 1], 1
	jmp 1f
1:	mov byte ptr [later + 1], 2
later:	mov eax, 1
	CHECK "next instruction changed", eax, 2
	/* by a string store */
	mov edi, FRAME_A + 1
	mov eax, 0x55
	mov ecx, 4
	rep stosb
	call ebx
	CHECK "code changed by REP STOS", eax, 0x55555555
	ret

/* ---- PAE ---- */
pae:
	mov edi, PDPT
	mov ecx, 0x3000 / 4
	xor eax, eax
	rep stosd
	mov eax, cr4
	or eax, 0x20
	mov cr4, eax
	mov dword ptr [PDPT], PD0 + 1
	mov edi, PD0                            /* identity, supervisor, 2 MB pages */
	mov eax, 0x83
	mov ecx, 2
1:	mov [edi], eax
	add eax, 0x200000
	add edi, 8
	loop 1b
	mov dword ptr [PD0 + 16], PT2 + 7       /* VIRT: 4 KB pages */
	mov dword ptr [PT2], FRAME_A + 7
	mov eax, PDPT
	mov cr3, eax
	mov eax, cr0
	or eax, 0x80000000
	mov cr0, eax
	mov dword ptr [FRAME_A], 0x00c3c3c3
	mov eax, [VIRT]
	CHECK "PAE: 4 KB page", eax, 0x00c3c3c3
	mov eax, [FRAME_A]
	CHECK "PAE: 2 MB page", eax, 0x00c3c3c3
	FAULT "PAE: not present", 14, 0, mov eax, [VIRT + 0x1000]
	FAULT "PAE: no directory", 14, 0, mov eax, [0x40000000]
	/* PDPTEs are read when CR3 is written */
	mov dword ptr [PDPT + 8], PD0 + 1
	FAULT "PAE: PDPTE not reloaded", 14, 0, mov eax, [0x40000000 + FRAME_A]
	mov eax, cr3
	mov cr3, eax
	mov eax, [0x40000000 + FRAME_A]
	CHECK "PAE: PDPTE reloaded", eax, 0x00c3c3c3
	mov dword ptr [PDPT + 16], PD0 + 3
	mov eax, cr3
	FAULT "PAE: reserved bit of a PDPTE", 13, 0, mov cr3, eax
	mov dword ptr [PDPT + 16], 0
	/* NX */
	mov dword ptr [PT2 + 4], 0x80000000
	mov eax, cr3
	mov cr3, eax
	FAULT "NX without NXE is reserved", 14, 9, mov eax, [VIRT]
	mov ecx, 0xc0000080
	rdmsr
	or eax, 0x800
	wrmsr
	NOFAULT "NX page can be read", mov eax, [VIRT]
	mov ebx, VIRT
	ARM
	call ebx
88:	CHECK "NX", got_vec, 14
	CHECK "NX (error code)", got_err, 0x11
	mov dword ptr [PT2 + 4], 0
	invlpg [ebx]
	NOFAULT "executable page", call ebx
	mov dword ptr [PT2 + 4], 0x100000
	invlpg [ebx]
	FAULT "reserved address bit", 14, 9, mov eax, [VIRT]
	mov dword ptr [PT2 + 4], 0
	invlpg [ebx]
	/* SMEP: user code in ring 0 */
	mov eax, cr4
	or eax, 0x100000
	mov cr4, eax
	ARM
	call ebx
88:	CHECK "SMEP", got_vec, 14
	CHECK "SMEP (error code)", got_err, 0x11
	NOFAULT "SMEP does not stop reading", mov eax, [VIRT]
	/* SMAP: user data in ring 0 unless AC */
	mov eax, cr4
	and eax, 0xffefffff
	or eax, 0x200000
	mov cr4, eax
	FAULT "SMAP: read", 14, 1, mov eax, [VIRT]
	FAULT "SMAP: write", 14, 3, mov [VIRT], eax
	.byte 0x0f, 0x01, 0xcb                  /* stac */
	NOFAULT "SMAP: read with AC", mov eax, [VIRT]
	NOFAULT "SMAP: write with AC", mov dword ptr [VIRT], 5
	.byte 0x0f, 0x01, 0xca                  /* clac */
	FAULT "SMAP: read after CLAC", 14, 1, mov eax, [VIRT]
	mov eax, cr4
	and eax, 0xffdfffff
	mov cr4, eax
	ret
