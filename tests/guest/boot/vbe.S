# vbe.S - boot sector that sets 1024x768 of 32 bits and writes a pixel into the frame buffer with each scan code of the keyboard: its value as the
# red of pixel 5 of line 700.  The frame buffer is where the adapter's first base address register says.
	.include "boot.inc"
	BOOT_SECTOR
	movw	%ax, %es
	movw	$0x4f02, %ax
	movw	$0x4144, %bx		# 1024x768x32, linear
	int	$0x10
	movl	$0x80001010, %eax	# device 2 of the bus, BAR 0
	movw	$0xcf8, %dx
	outl	%eax, %dx
	movw	$0xcfc, %dx
	inl	%dx, %eax
	andb	$0xf0, %al
	movl	%eax, %edi
	FS_REACHES_ALL
	addl	$(700 * 1024 + 5) * 4, %edi
	movb	$1, %fs:2(%edi)		# from here on the BIOS takes no more keys
2:	movw	$500, %cx		# others want the chips, too
3:	loop	3b
	inb	$0x64, %al
	testb	$1, %al
	jz	2b
	inb	$0x60, %al
	movb	%al, %fs:2(%edi)
	jmp	2b
	BOOT_END
