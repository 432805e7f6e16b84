# keys.S - boot sector that sends what the keyboard controller delivers to COM1, byte by byte; first an "R" for ready.
	.code16
	.globl _start
_start:
	ljmp	$0, $1f
1:	cli
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %ss
	movw	$0x7c00, %sp
	movw	$message, %si
2:	lodsb
	testb	%al, %al
	jz	3f
	movb	$0x0e, %ah
	movw	$7, %bx
	int	$0x10
	jmp	2b
3:	cli
	movw	$0x3f9, %dx		# no interrupts from the UART
	xorb	%al, %al
	outb	%al, %dx
	movw	$0x3fb, %dx		# divisor 1: 115200, then 8N1
	movb	$0x80, %al
	outb	%al, %dx
	movw	$0x3f8, %dx
	movb	$1, %al
	outb	%al, %dx
	incw	%dx
	xorb	%al, %al
	outb	%al, %dx
	movw	$0x3fb, %dx
	movb	$3, %al
	outb	%al, %dx
	movb	$'R', %al
send:	movb	%al, %cl
	movw	$0x3fd, %dx
4:	inb	%dx, %al
	testb	$0x20, %al
	jz	4b
	movw	$0x3f8, %dx
	movb	%cl, %al
	outb	%al, %dx
5:	inb	$0x64, %al
	testb	$1, %al
	jz	5b
	testb	$0x20, %al		# the mouse's
	inb	$0x60, %al
	jnz	5b
	jmp	send
message:
	.asciz	"keys go to COM1\r\n"
	.org	510
	.word	0xaa55
