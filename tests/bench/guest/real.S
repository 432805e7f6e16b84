/* real.S - boot sector of the benchmark of 16-bit code.  Sends "[" on COM1 before each kernel and "]" behind it, in the order of
 * tests/bench/compare/real.c, and "X" at the end; each time it waits until the port is empty.  Data at 2000:0 and 3000:0. */
	.include "boot.inc"
	BOOT_SECTOR
	cli
	COM1_INIT
	cld
	movw	$kernels, %si
next:	lodsw
	testw	%ax, %ax
	jz	end
	pushw	%si
	pushw	%ax
	movb	$'[', %al
	call	send
	popw	%ax
	movw	$0x2000, %cx
	movw	%cx, %ds
	movw	$0x3000, %cx
	movw	%cx, %es
	call	*%ax
	xorw	%ax, %ax
	movw	%ax, %ds
	movb	$']', %al
	call	send
	popw	%si
	jmp	next
end:	movb	$'X', %al
	call	send
1:	hlt
	jmp	1b

send:	movw	$0x3f8, %dx
	outb	%al, %dx
	movw	$0x3fd, %dx
1:	inb	%dx, %al
	testb	$0x40, %al
	jz	1b
	ret

kernels:
	.word	add_store, calls, calls_here, copy_text, segments, sieve, 0

add_store:                              /* adds, loads and stores in a loop */
	movw	$600, %bp
1:	movw	$0x7ff0, %cx
	xorw	%di, %di
2:	addw	%cx, %ax
	adcw	%bx, %dx
	movw	%ax, (%di)
	addw	$2, %di
	addw	(%di), %bx
	loop	2b
	decw	%bp
	jnz	1b
	ret

calls:	movw	$calls_here, %ax                /* fib(24), recursively */
elsewhere:                              /* call AX with a stack that does not lie in a page with code */
	movw	%sp, %bx
	movw	$0x6000, %sp
	pushw	%bx
	call	*%ax
	popw	%sp
	ret
calls_here:
	movw	$40, %bp
1:	movw	$24, %ax
	call	fib
	decw	%bp
	jnz	1b
	ret
fib:	cmpw	$2, %ax
	jb	1f
	pushw	%ax
	decw	%ax
	call	fib
	popw	%bx
	pushw	%ax
	leaw	-2(%bx), %ax
	call	fib
	popw	%bx
	addw	%bx, %ax
1:	ret

copy_text:                              /* a byte at a time, to upper case, as BIOS and DOS programs write to the screen */
	movw	$150, %bp
1:	xorw	%si, %si
	xorw	%di, %di
	movw	$0x7fff, %cx
2:	lodsb
	cmpb	$'a', %al
	jb	3f
	cmpb	$'z', %al
	ja	3f
	subb	$0x20, %al
3:	movb	$7, %ah
	stosw
	loop	2b
	decw	%bp
	jnz	1b
	ret

segments:				/* far pointers and segment registers */
	movw	$1f, %ax
	jmp	elsewhere
1:	movw	$0x2000, %ax
	movw	%ax, 2
	movw	$200, %bp
1:	movw	$0x4000, %cx
2:	pushw	%ds
	movw	$0, 0
	lesw	0, %bx
	addw	%cx, %es:8(%bx)
	pushw	%es
	popw	%ds
	xchgb	%ah, 9(%bx)
	popw	%ds
	loop	2b
	decw	%bp
	jnz	1b
	ret

sieve:  movw	$60, %bp
1:	xorw	%di, %di
	movw	$0x7fff, %cx
	movw	$0x0101, %ax
	rep stosw
	movw	$2, %si
2:	cmpb	$0, %es:(%si)
	je	4f
	leaw	(%si), %di
3:	addw	%si, %di
	jc	4f
	movb	$0, %es:(%di)
	jmp	3b
4:	incw	%si
	cmpw	$0xff, %si
	jb	2b
	decw	%bp
	jnz	1b
	ret
	BOOT_END
