#!/bin/bash
# Run test programs and add up what they say.  usage: run.sh [-j N] [-t SECONDS] PROGRAM...
# A program speaks TAP (cmocka's TAP output): "ok", "not ok", "# SKIP"/"# skip".  Its whole output is shown when it fails, dies or hangs.
# The last line reads "N passed, N failed[, N skipped]"; the status is 0 when nothing failed.
set -u
jobs=2 limit=300
while getopts j:t: o; do
	case $o in j) jobs=$OPTARG ;; t) limit=$OPTARG ;; *) exit 2 ;; esac
done
shift $((OPTIND - 1))
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
export CMOCKA_MESSAGE_OUTPUT=TAP

one() {         # one INDEX PROGRAM
	local start=$SECONDS st=0
	timeout -k 10 "$limit" "$2" >"$out/$1.txt" 2>&1 </dev/null || st=$?
	local pass fail skip
	# cmocka says "not ok N # SKIP name" of a test that was skipped
	skip=$(grep -ciE '^(not )?ok [0-9]+ .*# *skip' "$out/$1.txt")
	pass=$(grep -E '^ok ' "$out/$1.txt" | grep -vciE '# *skip')
	fail=$(grep -E '^not ok ' "$out/$1.txt" | grep -vciE '# *skip')
	# dying, hanging or saying nothing is a failure too
	if [ "$fail" = 0 ] && { [ $st -ne 0 ] || [ $((pass + skip)) = 0 ]; }; then fail=1; fi
	echo "$pass $fail $skip" >"$out/$1.sum"
	if [ "$fail" != 0 ]; then
		{ echo "--- $2: $fail failed (status $st$([ $st = 124 ] && echo ", time limit $limit s"))"; cat "$out/$1.txt"; echo "---"; } >"$out/$1.show"
	fi
	printf '%-44s %4d passed %s%s %3ds\n' "${2#build/}" "$pass" "$([ "$fail" = 0 ] || echo "$fail FAILED ")" \
		"$([ "$skip" = 0 ] || echo "$skip skipped")" $((SECONDS - start))
	[ "$skip" = 0 ] || grep -iE '^((not )?ok .*)?# *skip' "$out/$1.txt" | sed 's/^/    /'
	[ ! -e "$out/$1.show" ] || cat "$out/$1.show"
}

# Programs of this tree that run.  Those that did not before are left behind by a test.
programs() {
	for p in /proc/[0-9]*; do
		case $(readlink "$p/exe" 2>/dev/null) in "$PWD"/build/*) echo "${p#/proc/} $(tr '\0' ' ' <"$p/cmdline" 2>/dev/null)" ;; esac
	done
}
programs >"$out/before"
left() { programs | grep -vxFf "$out/before"; }

n=0
for p in "$@"; do
	while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || true; done
	one $n "$p" &
	n=$((n + 1))
done
wait

for _ in $(seq 300); do [ -z "$(left)" ] && break; sleep 0.2; done
[ -z "$(left)" ] || { echo "--- left behind:"; left; echo 0 1 0 >"$out/left.sum"; }

cat "$out"/*.sum 2>/dev/null | awk '{ p += $1; f += $2; s += $3 } END { printf "%d passed, %d failed", p, f; if (s) printf ", %d skipped", s; print ""; exit f > 0 || p == 0 }'
