#!/bin/sh
# Rules of the house that a script can check; speaks TAP, status 1 when one is broken.  usage: lint.sh BUILD_DIR
cd "$(dirname "$0")/../.." || exit 2
build=${1:-build}
n=0 wrong=0
check() {       # check NAME OUTPUT: ok when OUTPUT is empty
	n=$((n + 1))
	if [ -z "$2" ]; then echo "ok $n - $1"; else wrong=1; echo "not ok $n - $1"; echo "$2" | sed 's/^/# /'; fi
}
includes() {    # includes FOLDER REGEX-OF-FORBIDDEN
	grep -rnE "^#include \"($2)" "$1" --include='*.[ch]' --include='*.def'
}
check "core includes neither devices nor tui" "$(includes core 'devices/|tui/')"
check "devices do not include tui" "$(includes devices 'tui/')"
check "tui includes of core only vm.h" "$(grep -rnE '^#include "(core|devices)/' tui --include='*.[ch]' | grep -v '"core/vm.h"')"
check "KVM's folder is included by nobody else" "$(grep -rnE '^#include "core/kvm/' core devices tui --include='*.[ch]' | grep -v '^core/kvm/')"
check "who names an engine is the list of engines, an engine, or a command about one" "$(grep -rnE '&accel_(kvm|jit|interp)' core devices tui --include='*.[ch]' |
	grep -vE '^core/(machine/accel|kvm/[a-z]*|jit/[a-z]*|cpu/(accel_conf|engine|vcpu|cpuid)|monitor/(info_cpu|qmp_commands))\.[ch]:')"
check "vm.h's own includes hold no device and no machine" "$(grep -nE '#include "core/(machine/(machine|device|space)|cpu|block)' core/vm.h)"
check "each source includes its own header first" "$(for f in $(find core tui -name '*.c'); do
	h=${f%.c}.h
	[ -e "$h" ] && [ "$(grep -m1 '^#include' "$f")" != "#include \"$h\"" ] && echo "$f"
done)"
check "each header compiles alone" "$(for h in $(find core devices tui -name '*.h'); do
	echo "#include \"$h\"" | gcc -std=gnu17 -D_GNU_SOURCE -I. -I"$build/gen" -fsyntax-only -x c - 2>/dev/null || echo "$h"
done)"
check "each header has a guard" "$(find core devices tui -name '*.h' | xargs grep -L '^#ifndef')"
# Mutable state at file scope would show as .data or .bss of an object file (constants are in .rodata and .data.rel.ro).
check "no mutable state at file scope" "$(find "$build/obj/core" "$build/obj/devices" "$build/obj/tui" -name '*.o' 2>/dev/null | while read -r o; do
	size -A "$o" | awk -v o="$o" '($1 == ".data" || $1 == ".bss" || $1 ~ /^\.data\.[^r]/ || $1 ~ /^\.bss\./ || $1 ~ /^\.tbss|^\.tdata/) && $2 > 0 { print o ": " $1 " " $2 " bytes" }'
done)"
check "no unfinished business" "$(grep -rnE '\b(TODO|FIXME|XXX|HACK)\b' core devices tui --include='*.[chS]' --include='*.def' --include='*.asl')"
check "no path of a workplace" "$(grep -rnE '"/(work|farm|root|home)/' core devices tui tests Makefile --include='*' -I)"
check "docs/monitor.md says what the monitor's tables say (make docs)" "$("$build/monitor-doc" 2>&1 | diff - docs/monitor.md | head -5)"
check "the monitor's tables are sorted by name" "$(for t in commands infos qmp; do
	sed -n 's/^\(CMD\|INFO\|QMP\)("\([^"|]*\)["|].*/\2/p' core/monitor/$t.def | LC_ALL=C sort -c 2>&1
done)"
check "handlers jump to each other in the optimised build" "$(sh tests/lint/handlers.sh build/obj 2>&1)"
echo "1..$n"
exit $wrong
