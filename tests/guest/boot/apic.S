# apic.S - boot sector: what a local APIC does, on two CPUs: IPIs to itself and to the other, NMI, start-up, all modes of the timer, a level from the
# I/O APIC.  A word for each as it comes; after a space is typed, a row
# whenever both CPUs have had a hundred ticks more, for ever.
	.include "boot.inc"

	.set	APIC, 0xfee00000
	.set	IOAPIC, 0xfec00000
	.set	V_TIMER, 0x41
	.set	V_IPI, 0x42
	.set	V_LEVEL, 0x43
	.set	AP_CODE, 0x9000

	BOOT_SECTOR
	movw	%ax, %es
	movw	$0x0206, %ax		# what does not fit into a sector
	movw	$0x0002, %cx
	xorb	%dh, %dh
	movw	$0x7e00, %bx
	int	$0x13
	jc	1f
	jmp	begin
1:	hlt
	jmp	1b

# ---- words; changes ax, bx, si
say:
	cld
1:	lodsb
	testb	%al, %al
	jz	2f
	movb	$0x0e, %ah
	movw	$7, %bx
	int	$0x10
	jmp	1b
2:	ret

.macro SAY text
	movw	$9f, %si
	call	say
	.text	1
9:	.asciz	"\text "
	.text
.endm

# Sleep until *count is at least n.
.macro WAIT count, n
8:	cli
	cmpw	$\n, \count
	jae	9f
	sti
	hlt
	jmp	8b
9:	sti
.endm
.macro WRITE reg, value
	movl	$APIC, %ebx
	movl	\value, %eax
	movl	%eax, %fs:\reg(%ebx)
.endm
.macro EOI
	movl	$APIC, %ebx
	movl	$0, %fs:0xb0(%ebx)
.endm

	.globl	big_fs
big_fs:
	FS_REACHES_ALL
	ret
	BOOT_END

# ---- the second sector and on
on_timer:
	pushal
	EOI
	movl	%fs:0x20(%ebx), %eax
	shrl	$23, %eax		# twice the id
	movw	%ax, %bx
	incw	ticks(%bx)
	popal
	iret
on_ipi:
	pushal
	EOI
	movl	%fs:0x20(%ebx), %eax
	shrl	$23, %eax
	movw	%ax, %bx
	lock incw ipis(%bx)
	popal
	iret
on_nmi:
	pushal
	movl	$APIC, %ebx
	movl	%fs:0x20(%ebx), %eax
	shrl	$23, %eax
	movw	%ax, %bx
	incw	nmis(%bx)
	popal
	iret
on_level:				# the clock's interrupt is a level until register C is read
	pushal
	incw	levels
	cmpw	$3, levels
	jb	1f			# it comes again with the end of it
	movb	$0x0c, %al
	outb	%al, $0x70
	inb	$0x71, %al
1:	EOI
	outb	%al, $0x80		# a KVM that emulates looks at the end of an interrupt with the next exit
	popal
	iret

.macro VECTOR n, handler
	movw	$\handler, 4 * \n
	movw	$0, 4 * \n + 2
.endm

# eax = data, edx = destination
ipi:
	movl	$APIC, %ebx
	shll	$24, %edx
	movl	%edx, %fs:0x310(%ebx)
	movl	%eax, %fs:0x300(%ebx)
	ret

# about ecx / 1000 us, by the time stamp counter of 1 to 4 GHz
delay:
	rdtsc
	movl	%eax, %esi
1:	rdtsc
	subl	%esi, %eax
	cmpl	%ecx, %eax
	jb	1b
	ret

begin:
	call	big_fs
	movb	$0xff, %al		# nothing from the 8259
	outb	%al, $0x21
	outb	%al, $0xa1
	VECTOR	2, on_nmi
	VECTOR	V_TIMER, on_timer
	VECTOR	V_IPI, on_ipi
	VECTOR	V_LEVEL, on_level
	WRITE	0xf0, $0x1ff
	WRITE	0x3e0, $0xb		# by one
	sti
	SAY	"begin"
	movl	$0x40000 | V_IPI, %eax	# to itself
	call	ipi
	WAIT	ipis, 1
	SAY	"self"
	xorl	%edx, %edx
	movl	$0x400, %eax
	call	ipi
1:	cmpw	$1, nmis
	jne	1b
	SAY	"nmi"
	WRITE	0x320, $V_TIMER
	WRITE	0x380, $2000000
	WAIT	ticks, 1
	SAY	"once"
	WRITE	0x320, $0x20000 | V_TIMER
	WRITE	0x380, $1000000
	WAIT	ticks, 21
	WRITE	0x380, $0
	movw	$21, ticks
	SAY	"periodic"
	movl	$1, %eax
	cpuid
	btl	$24, %ecx
	jnc	no_deadline
	WRITE	0x320, $0x40000 | V_TIMER
	rdtsc
	addl	$3000000, %eax
	adcl	$0, %edx
	movl	$0x6e0, %ecx
	wrmsr
	WAIT	ticks, 22
	movl	$0x6e0, %ecx
	rdmsr
	orl	%edx, %eax
	jnz	no_deadline
	SAY	"deadline"
no_deadline:
# the clock of 1024 Hz to pin 8 as a level
	movl	$IOAPIC, %ebx
	movl	$0x21, %fs:(%ebx)
	movl	$0, %fs:0x10(%ebx)
	movl	$0x20, %fs:(%ebx)
	movl	$0x8000 | V_LEVEL, %fs:0x10(%ebx)
	movw	$0x260a, %ax
	outb	%al, $0x70
	movb	%ah, %al
	outb	%al, $0x71
	movb	$0x0b, %al
	outb	%al, $0x70
	movb	$0x42, %al
	outb	%al, $0x71
	WAIT	levels, 4
	movb	$0x0b, %al
	outb	%al, $0x70
	movb	$0x02, %al
	outb	%al, $0x71
	movl	$IOAPIC, %ebx
	movl	$0x10000, %fs:0x10(%ebx)
	SAY	"level"
# the other CPU
	movw	$ap, %si
	movw	$AP_CODE, %di
	movw	$ap_end - ap, %cx
	xorw	%ax, %ax
	movw	%ax, %es
	cld
	rep movsb
	movl	$1, %edx
	movl	$0x4500, %eax
	call	ipi
	movl	$20000000, %ecx
	call	delay
	movl	$1, %edx
	movl	$0x4600 | AP_CODE >> 12, %eax
	call	ipi
1:	pause
	cmpw	$1, ap_up
	jne	1b
	SAY	"up"
	movl	$1, %edx
	movl	$0x4000 | V_IPI, %eax
	call	ipi
1:	pause
	cmpw	$1, ipis + 2
	jne	1b
	SAY	"ipi"
	movl	$1, %edx
	movl	$0x4400, %eax
	call	ipi
1:	pause
	cmpw	$1, nmis + 2
	jne	1b
	SAY	"other"
# one of two, by lowest priority: logical destinations 1 and 2
	WRITE	0xd0, $0x01000000
	movl	$3, %edx
	movl	$0x4900 | V_IPI, %eax
	call	ipi
1:	pause
	movw	ipis, %ax
	addw	ipis + 2, %ax
	cmpw	$3, %ax
	jne	1b
	movl	$0xc0000 | V_IPI, %eax	# all but itself
	call	ipi
1:	pause
	movw	ipis, %ax
	addw	ipis + 2, %ax
	cmpw	$4, %ax
	jne	1b
	SAY	"lowest"
	SAY	"done"
1:	inb	$0x64, %al		# a space; nobody listens to the keyboard's interrupt
	testb	$1, %al
	jz	1b
	inb	$0x60, %al
	cmpb	$0x39, %al
	jne	1b
# rows, counted in hexadecimal
	WRITE	0x320, $0x20000 | V_TIMER
	WRITE	0x380, $1000000
	movw	$1, ap_ticks
	movl	$1, %edx
	movl	$0x4000 | V_IPI, %eax	# now it ticks, too
	call	ipi
	xorw	%bp, %bp
row:
	movw	$0, ticks
	movw	$0, ticks + 2
	WAIT	ticks, 100
1:	pause
	cmpw	$100, ticks + 2
	jb	1b
	incw	%bp
	movw	%bp, %dx
	movw	$digits, %di
	movw	$4, %cx
2:	rolw	$4, %dx
	movb	%dl, %al
	andb	$15, %al
	cmpb	$10, %al
	sbbb	$0x69, %al
	das				# '0' to '9', 'A' to 'F'
	movb	%al, (%di)
	incw	%di
	loop	2b
	movw	$row_text, %si
	call	say
	jmp	row
row_text:
	.ascii	"\r\nrow "
digits:	.asciz	"0000"

# ---- the other CPU's, copied to AP_CODE
ap:
	ljmp	$0, $1f
1:	cli
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %ss
	movw	$0x7000, %sp
	call	big_fs
	WRITE	0xf0, $0x1ff
	WRITE	0xd0, $0x02000000
	WRITE	0x3e0, $0xb
	movw	$1, ap_up
	sti
1:	hlt
	cmpw	$1, ap_ticks
	jne	1b
	movw	$2, ap_ticks
	WRITE	0x320, $0x20000 | V_TIMER
	WRITE	0x380, $1000000
	jmp	1b
ap_end:
	.align	4
ticks:	.word	0, 0
ipis:	.word	0, 0
nmis:	.word	0, 0
levels:	.word	0
ap_up:	.word	0
ap_ticks: .word	0
