/* bridge.S - firmware whose whole life is to carry bytes between COM1 and COM2, 64 KiB for -bios.
 *
 * It says "<READY>" on COM2 first.  A break on COM1 is reported on COM2 as "<BREAK>"; a break on COM2 makes one on COM1 that lasts as long. */
	.code16
	.globl	_start
	.org	0xf000
_start:	cli
	cld
	xorw	%ax, %ax
	movw	%ax, %ss
	movw	$0x7000, %sp
	movw	$0x3f8, %dx
	callw	init
	movw	$0x2f8, %dx
	callw	init
	movw	$0x2f8, %di
	movw	$ready, %bx
	movw	$ready_end, %bp
	callw	say
main:	movw	$0x3f8, %si
	movw	$0x2f8, %di
	callw	carry
	movw	$0x2f8, %si
	movw	$0x3f8, %di
	callw	carry
	jmp	main

/* 115200 baud, 8N1, FIFOs on, DTR RTS OUT2 on; dx: base */
init:	addw	$3, %dx
	movb	$0x80, %al
	outb	%al, %dx
	subw	$3, %dx
	movb	$1, %al
	outb	%al, %dx
	incw	%dx
	xorb	%al, %al
	outb	%al, %dx
	addw	$2, %dx
	movb	$3, %al
	outb	%al, %dx
	decw	%dx
	movb	$7, %al
	outb	%al, %dx
	addw	$2, %dx
	movb	$11, %al
	outb	%al, %dx
	ret

/* up to 16 bytes from the port at si to the one at di, when that one's FIFO is empty */
carry:	leaw	5(%si), %dx
	inb	%dx, %al
	testb	$0x10, %al
	jnz	broken
	testb	$1, %al
	jz	1f
	leaw	5(%di), %dx
	inb	%dx, %al
	testb	$0x20, %al
	jz	1f
	movw	$16, %cx
2:	movw	%si, %dx
	inb	%dx, %al
	movw	%di, %dx
	outb	%al, %dx
	leaw	5(%si), %dx
	inb	%dx, %al
	testb	$0x10, %al
	jnz	broken
	testb	$1, %al
	loopnz	2b
1:	ret

broken:	movw	%si, %dx		/* the break's own character, 0 */
	inb	%dx, %al
	cmpw	$0x2f8, %si
	je	3f
	movw	$text, %bx
	movw	$text_end, %bp
say:	leaw	5(%di), %dx		/* bx to bp: what; di: port */
	inb	%dx, %al
	testb	$0x20, %al
	jz	say
	movb	%cs:(%bx), %al
	movw	%di, %dx
	outb	%al, %dx
	incw	%bx
	cmpw	%bp, %bx
	jne	say
	ret
3:	leaw	3(%di), %dx
	movb	$0x43, %al
	outb	%al, %dx
	movw	$0xffff, %cx
5:	loop	5b
	movb	$3, %al
	outb	%al, %dx
	ret
text:	.ascii	"<BREAK>"
text_end:
ready:	.ascii	"<READY>"
ready_end:
	.org	0xfff0
	ljmp	$0xf000, $_start
	.org	0x10000
