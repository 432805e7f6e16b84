# vgatext.S - boot sector that shows every character and every attribute in the text modes: each key goes on to the next.
#   80x25, 40x25, 80x50 (8x8 font), 80x43 (350 lines, 8x8), 132x25 (CRTC by hand), then back to 80x25 with two glyphs of another font loaded
#   for A and B, then the same with bright backgrounds instead of blinking ones.
# Cell i of the screen holds character i (modulo 256) with attribute i / 256 * 17 + i, so that all pairs of nibbles come.  The last cell of the
# first row holds the step's digit.  Ref: Ralf Brown's Interrupt List, int 10h; IBM VGA CRTC registers.
	.include "boot.inc"
	BOOT_SECTOR
	movb	$'0', step
	movw	$3, %ax
	call	mode
	movw	$1, %ax
	call	mode
	movw	$3, %ax			# 50 lines
	int	$0x10
	movw	$0x1112, %ax
	xorw	%bx, %bx
	int	$0x10
	call	show
	movw	$0x1201, %ax		# 350 scan lines with the next mode
	movb	$0x30, %bl
	int	$0x10
	movw	$3, %ax
	int	$0x10
	movw	$0x1112, %ax
	xorw	%bx, %bx
	int	$0x10
	call	show
	movw	$0x1202, %ax		# 400 again
	movb	$0x30, %bl
	int	$0x10
	movw	$3, %ax
	int	$0x10
	movw	$0x3d4, %dx		# 132 columns: unlock, last column shown, words a row / 2
	movw	$0x0e11, %ax
	outw	%ax, %dx
	movw	$(131 << 8 | 0x01), %ax
	outw	%ax, %dx
	movw	$(66 << 8 | 0x13), %ax
	outw	%ax, %dx
	call	show
	movw	$3, %ax
	int	$0x10
	movw	$0x1130, %ax		# the ROM's 8x16 font at es:bp
	movb	$6, %bh
	int	$0x10
	addw	$(0x82 * 16), %bp	# e with acute for A, the next for B
	movw	$0x1100, %ax
	movw	$0x1000, %bx
	movw	$2, %cx
	movw	$'A', %dx
	int	$0x10
	call	show
	movw	$0x1003, %ax		# bright backgrounds
	xorw	%bx, %bx
	int	$0x10
	call	show
2:	hlt
	jmp	2b

mode:	int	$0x10
show:	movb	$1, %ah			# the cursor out of the way: hidden
	movw	$0x2000, %cx
	int	$0x10
	movw	$0xb800, %ax
	movw	%ax, %es
	xorw	%di, %di
	xorw	%bx, %bx
3:	movb	%bl, %al		# character
	movb	%bl, %ah
	movb	%bh, %cl		# attribute: i + 17 * (i / 256)
	shlb	$4, %cl
	addb	%bh, %cl
	addb	%cl, %ah
	stosw
	incw	%bx
	cmpw	$6600, %bx		# 132 x 50
	jb	3b
	movb	step, %al
	incb	step
	movb	$7, %ah
	movw	%ax, %es:0		# the first cell is the step
	xorb	%ah, %ah
	int	$0x16			# a key
	ret
step:	.byte	'0'
	BOOT_END
