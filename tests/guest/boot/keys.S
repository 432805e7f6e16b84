# keys.S - boot sector that sends what the keyboard controller delivers to COM1, byte by byte; first an "R" for ready.
	.include "boot.inc"
	BOOT_SECTOR
	movw	$message, %si
2:	lodsb
	testb	%al, %al
	jz	3f
	movb	$0x0e, %ah
	movw	$7, %bx
	int	$0x10
	jmp	2b
3:	cli
	COM1_INIT
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
	BOOT_END
