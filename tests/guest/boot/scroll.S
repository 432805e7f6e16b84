# scroll.S - boot sector that prints 1000 lines with the video BIOS, as fast as it can: their numbers, of four digits; then "end".
	.include "boot.inc"
	BOOT_SECTOR
	movw	$3, %ax
	int	$0x10
	xorw	%si, %si
1:	movw	%si, %ax
	movb	$100, %cl
	divb	%cl			# hundreds in al, the rest in ah
	movb	%ah, %ch
	call	two
	movb	%ch, %al
	call	two
	movb	$'\r', %al
	call	print
	movb	$'\n', %al
	call	print
	incw	%si
	cmpw	$1000, %si
	jne	1b
	movb	$'e', %al
	call	print
	movb	$'n', %al
	call	print
	movb	$'d', %al
	call	print
4:	hlt
	jmp	4b

two:	aam				# al: two digits
	pushw	%ax
	movb	%ah, %al
	addb	$'0', %al
	call	print
	popw	%ax
	addb	$'0', %al
print:	movb	$0x0e, %ah
	movw	$7, %bx
	int	$0x10
	ret
	BOOT_END
