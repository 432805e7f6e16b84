# mode13.S - boot sector that draws a picture in mode 13h (320x200, 256 colours) and halts: four quarters with a border of 8 pixels, a
# ramp of greys in the middle, in colours of the DAC's default palette.
	.include "boot.inc"
	BOOT_SECTOR
	movw	$0x13, %ax
	int	$0x10
	movw	$0xa000, %ax
	movw	%ax, %es
	xorw	%di, %di
	xorw	%dx, %dx		# y
row:	xorw	%cx, %cx		# x
pixel:	movb	$15, %al		# border: white
	cmpw	$8, %cx
	jb	put
	cmpw	$312, %cx
	jae	put
	cmpw	$8, %dx
	jb	put
	cmpw	$192, %dx
	jae	put
	movb	$4, %al			# upper left: red
	cmpw	$160, %cx
	jb	2f
	movb	$2, %al			# upper right: green
2:	cmpw	$100, %dx
	jb	3f
	movb	$1, %al			# lower left: blue
	cmpw	$160, %cx
	jb	3f
	movb	$14, %al		# lower right: yellow
3:	cmpw	$80, %dx		# the ramp: 16 greys of 16 pixels
	jb	put
	cmpw	$120, %dx
	jae	put
	cmpw	$32, %cx
	jb	put
	cmpw	$288, %cx
	jae	put
	movw	%cx, %ax
	shrw	$4, %ax
	addb	$14, %al		# 16 + (x - 32) / 16
put:	stosb
	incw	%cx
	cmpw	$320, %cx
	jb	pixel
	incw	%dx
	cmpw	$200, %dx
	jb	row
4:	hlt
	jmp	4b
	BOOT_END
