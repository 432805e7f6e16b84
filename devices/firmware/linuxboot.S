# linuxboot.S - boot ROM that starts a Linux kernel left in fw_cfg by -kernel.
# Ref: Linux kernel documentation, "The Linux/x86 Boot Protocol", section "Running the Kernel".
        .include "rom.inc"
product:
        .asciz  "Linux loader"
items:
        .word   SETUP_ADDR, SETUP_SIZE, SETUP_DATA
        .word   CMDLINE_ADDR, CMDLINE_SIZE, CMDLINE_DATA
        .word   KERNEL_ADDR, KERNEL_SIZE, KERNEL_DATA
        .word   INITRD_ADDR, INITRD_SIZE, INITRD_DATA
items_end:

boot:
        cli
        cld
        xorw    %ax, %ax
        movw    %ax, %ss
        movl    $STACK, %esp
        movw    $items, %si
1:      call    load_item
        addw    $6, %si
        cmpw    $items_end, %si
        jb      1b

        # All segments at the real-mode code, the stack right below the command line; entry is 200h bytes in.
        movw    $SETUP_ADDR, %ax
        call    read_item
        movl    %eax, %ebx
        movw    $CMDLINE_ADDR, %ax
        call    read_item
        subl    %ebx, %eax
        subl    $16, %eax
        shrl    $4, %ebx
        movw    %bx, %ds
        movw    %bx, %es
        movw    %bx, %fs
        movw    %bx, %gs
        movw    %bx, %ss
        movl    %eax, %esp
        addw    $0x20, %bx
        pushw   %bx
        pushw   $0
        xorl    %eax, %eax
        xorl    %ebx, %ebx
        xorl    %ecx, %ecx
        xorl    %edx, %edx
        xorl    %esi, %esi
        xorl    %edi, %edi
        xorl    %ebp, %ebp
        lret
