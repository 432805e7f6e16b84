/* triple.S - an exception that cannot be delivered, nor the double fault after it: shutdown. */
.macro GDT_MORE
.endm
#include "prot32.inc"
	.code32
main32:
	/* #GP is not present: #NP on top of it makes #DF, which is caught */
	mov byte ptr [idt + 13 * 8 + 5], 0x0e
	mov eax, 0x1000
	FAULT "#GP whose gate is not present", 8, 0, mov ds, eax
	mov byte ptr [idt + 13 * 8 + 5], 0x8e
	/* benign first: #UD whose gate is not present is only #NP */
	mov byte ptr [idt + 6 * 8 + 5], 0x0e
	FAULT "#UD whose gate is not present", 11, 0x33, ud2
	FAULT "INT 6 whose gate is not present", 11, 0x32, int 6
	mov byte ptr [idt + 8 * 8 + 5], 0x0e
	mov byte ptr [idt + 13 * 8 + 5], 0x0e
	mov eax, 0x1000
	mov ds, eax
	CHECK "still here", eax, 0
	EXIT
