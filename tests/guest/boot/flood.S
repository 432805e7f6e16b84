# flood.S - boot sector that prints numbered lines on COM1 as fast as that takes them, until a key is pressed; then "END".
# The number of lines is at 600h as well.
	.include "boot.inc"
	BOOT_SECTOR
	cli
	movl	%eax, 0x600
	COM1_INIT
line:	movl	0x600, %ebx
	incl	%ebx
	movl	%ebx, 0x600
	movw	$8, %cx
2:	roll	$4, %ebx
	movb	%bl, %al
	andb	$15, %al
	cmpb	$10, %al
	sbbb	$0x69, %al		# a hex digit
	das
	call	send
	loop	2b
	movw	$eol, %si
	call	text
	inb	$0x64, %al
	testb	$1, %al
	jz	line
	movw	$end, %si
	call	text
3:	hlt
	jmp	3b
text:	lodsb
	testb	%al, %al
	jz	4f
	call	send
	jmp	text
4:	ret
send:	movb	%al, %ah
	movw	$0x3fd, %dx
5:	inb	%dx, %al
	testb	$0x20, %al
	jz	5b
	movw	$0x3f8, %dx
	movb	%ah, %al
	outb	%al, %dx
	ret
eol:	.asciz	"\r\n"
end:	.asciz	"END\r\n"
	BOOT_END
