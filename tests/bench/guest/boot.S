/* boot.S - boot sector of the benchmark guest: loads what follows it on the disk to 10000h and enters it in 64-bit mode, on a flat
 * address space of 1 GB mapped one to one: 2 MB pages, but 4 KB pages in the first of them, where the program's code is read-only, as
 * systems map it.  No interrupts, no BIOS afterwards.
 *
 *   1000h PML4 | 2000h PDPT | 3000h page directory | 4000h page table | 7C00h this sector | 10000h program | below 80000h its stack */
	.code16
	.globl _start
_start:
	cli
	xor %ax, %ax
	mov %ax, %ds
	mov %ax, %es
	mov %ax, %ss
	mov $0x7c00, %sp
	ljmp $0, $1f
1:	mov $0x42, %ah                  /* extended read, DL = the drive we come from */
	mov $dap, %si
	int $0x13
	jc fail
	in $0x92, %al                   /* A20 */
	or $2, %al
	and $0xfe, %al
	out %al, $0x92

	mov $0x1000, %di                /* four pages of tables */
	xor %eax, %eax
	mov $0x4000 / 4, %cx
	cld
	rep stosl
	movw $0x2003, 0x1000
	movw $0x3003, 0x2000
	mov $0x3000, %di
	mov $0x83, %eax                 /* present, writable, 2 MB */
	mov $512, %cx
2:	mov %eax, (%di)
	add $0x200000, %eax
	add $8, %di
	loop 2b
	movl $0x4003, 0x3000
	mov $0x4000, %di                /* the first 2 MB */
	mov $3, %eax
	mov $512, %cx
4:	mov %eax, (%di)
	add $0x1000, %eax
	add $8, %di
	loop 4b
	mov $0x4000 + 0x10000 / 0x1000 * 8, %di
	mov $4, %cx
5:	andb $0xfd, (%di)               /* code, 10000h-13fffh: not writable */
	add $8, %di
	loop 5b

	lgdt gdtr
	mov $0x1000, %eax
	mov %eax, %cr3
	mov $0x20, %eax                 /* CR4.PAE */
	mov %eax, %cr4
	mov $0xc0000080, %ecx           /* EFER.LME */
	rdmsr
	or $0x100, %eax
	wrmsr
	mov $0x80010001, %eax           /* CR0.PG, WP and PE at once: from real mode straight to long mode */
	mov %eax, %cr0
	ljmpl $8, $long
fail:
	mov $0x3f8, %dx
	mov $'!', %al
	out %al, %dx
3:	hlt
	jmp 3b

	.code64
long:
	mov $16, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov $0x80000, %esp
	mov $0x10000, %eax
	call *%rax
4:	hlt
	jmp 4b

	.balign 8
dap:	.byte 16, 0
	.word 64                        /* sectors: 32 KB, the whole program */
	.word 0, 0x1000                 /* to 1000:0000 */
	.quad 1                         /* from the second sector on */
gdt:	.quad 0
	.quad 0x00209a0000000000        /* 64-bit code */
	.quad 0x0000920000000000        /* data */
gdtr:	.word . - gdt - 1
	.long gdt

	.org 510
	.word 0xaa55
