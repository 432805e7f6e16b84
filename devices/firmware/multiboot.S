# multiboot.S - boot ROM that starts a multiboot kernel left in fw_cfg by -kernel.
# Ref: Multiboot Specification 0.6.96, section 3.2 "Machine state", 3.3 "Boot information format".
#
# The item CMDLINE is the information structure with its strings, in low memory; the memory map is added here, since only the
# BIOS knows what it has reserved.
        .include "rom.inc"
        .set    MBI_MMAP_LENGTH, 44
        .set    MBI_MMAP_ADDR, 48
        .set    SMAP, 0x534d4150
        .set    MMAP_ROOM, 0x9000       # entries: size, base, length, type (4, 8, 8, 4 bytes)
product:
        .asciz  "multiboot loader"
items:
        .word   CMDLINE_ADDR, CMDLINE_SIZE, CMDLINE_DATA
        .word   KERNEL_ADDR, KERNEL_SIZE, KERNEL_DATA
        .word   INITRD_ADDR, INITRD_SIZE, INITRD_DATA
items_end:
        .align  8
gdt:
        .quad   0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_end:

boot:
        cld
        cli
        xorw    %ax, %ax
        movw    %ax, %ss
        movl    $STACK, %esp
        movw    $items, %si
1:      call    load_item
        addw    $6, %si
        cmpw    $items_end, %si
        jb      1b

        # memory map (ACPI specification, "INT 15H, E820H")
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movl    $MMAP_ROOM, %edi
        xorl    %ebx, %ebx
2:      movl    $0xe820, %eax
        movl    $20, %ecx
        movl    $SMAP, %edx
        movl    $20, (%di)
        addw    $4, %di
        sti
        int     $0x15
        cli
        jc      3f
        cmpl    $SMAP, %eax
        jne     3f
        addw    $20, %di
        testl   %ebx, %ebx
        jnz     2b
        jmp     4f
3:      subw    $4, %di
4:      subw    $MMAP_ROOM, %di
        movzwl  %di, %edi
        movw    $CMDLINE_ADDR, %ax
        call    read_item
        movl    %eax, %ebp              # the information structure
        shrl    $4, %eax
        movw    %ax, %es
        movl    %edi, %es:MBI_MMAP_LENGTH
        movl    $MMAP_ROOM, %es:MBI_MMAP_ADDR
        movw    $KERNEL_ENTRY, %ax
        call    read_item
        movl    %eax, %esi

        # flat protected mode: the table's address depends on where the firmware put this ROM
        xorl    %eax, %eax
        movw    %cs, %ax
        shll    $4, %eax
        leal    gdt(%eax), %ecx
        movw    $gdt_end - gdt - 1, REQUEST
        movl    %ecx, REQUEST + 2
        lgdtl   REQUEST
        leal    protected(%eax), %ecx
        movl    %ecx, REQUEST + 8
        movw    $8, REQUEST + 12
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        ljmpl   *REQUEST + 8
        .code32
protected:
        movl    $0x10, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %fs
        movl    %eax, %gs
        movl    %eax, %ss
        movl    %ebp, %ebx
        movl    $0x2badb002, %eax
        jmp     *%esi
