#!/bin/sh
# handlers.sh OBJDIR - no instruction handler of an optimised build may call the next handler instead of jumping to it: a call through
# a pointer in a function op_* or pair_* means that the compiler could not make it a jump (core/cpu/exec.h).  Says nothing when all is well.
n=0
for src in core/cpu/pairs.c $(grep -lE 'NEXT_FAST|CONTINUE|follow\(|jump_to\(' core/cpu/*.c); do
	obj=$1/${src%.c}.o
	[ -e "$obj" ] || { echo "$obj is missing"; exit 1; }
	objdump -d --no-show-raw-insn "$obj" | awk -v src="$src" '
		/^[0-9a-f]+ <.*>:$/ { fn = $2 }
		/call +\*/ && fn ~ /^<(op|pair)_/ { print src ": " fn " calls a handler instead of jumping to it" }'
	n=$((n + $(objdump -d --no-show-raw-insn "$obj" | grep -c 'jmp  *\*(%rsi)')))
done
[ $n -ge 1000 ] || echo "only $n jumps to the next handler were found"
