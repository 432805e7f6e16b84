#!/bin/bash
# The same script (script.txt) to vmux and to an installed QEMU 7.2; every difference must be explained in differences.txt, and every line there
# must still be a difference.  Speaks TAP.  usage: differential.sh [-l]   (-l: list the differences with both answers)
cd "$(dirname "$0")" || exit 2
top=../..
. ./lib.sh
skip() { echo "ok 1 - monitor beside QEMU # SKIP $1"; echo 1..1; exit 0; }
command -v socat >/dev/null && command -v jq >/dev/null || skip "socat and jq are needed"
command -v qemu-system-x86_64 >/dev/null || skip "qemu-system-x86_64 is not installed"
qemu-system-x86_64 --version | grep -q 'version 7\.2' || skip "the QEMU that is installed is not 7.2"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export XDG_DATA_HOME=$tmp/data                 # where snapshots go

grep '^[HQ] ' script.txt >"$tmp/cases"
jq -R -r 'if startswith("H ") then {execute: "human-monitor-command", arguments: {"command-line": .[2:]}} | tojson else .[2:] end' "$tmp/cases" >"$tmp/messages"
# Answers one a line, with their events; what changes from run to run is made equal.
run() {         # run NAME PROGRAM
	local text list
	start "$1" "$2" -accel tcg -S -display none -m 128 -serial null -parallel null -monitor none -nic none -name diff || return 1
	ask '{"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]}}'
	while read -r text; do
		ask "$text" || return 1
		list=${events%$'\n'}
		printf '{"a": %s, "e": [%s]}\n' "$answer" "${list//$'\n'/,}" >>"$tmp/$1.raw"
	done <"$tmp/messages"
	finish
	jq -S -c '.e |= map(del(.timestamp)) | if .a.return | type == "string" then .a.return |= gsub("\r"; "") else . end' "$tmp/$1.raw" |
		sed -E 's/"thread-id":[0-9]+/"thread-id":N/g; s/thread_id=[0-9]+/thread_id=N/g; s/#block[0-9]+/#blockN/g; s#/tmp/tmp\.[A-Za-z0-9]+/[a-z]+\.sock#SOCK#g' >"$tmp/$1.norm"
}
run vmux "$top/build/vmux" || { echo "not ok 1 - vmux answers"; echo 1..1; exit 1; }
run qemu qemu-system-x86_64 || skip "QEMU did not answer"
bad=0 count=0
while IFS= read -r case && IFS= read -r ours <&5 && IFS= read -r theirs <&6; do
	count=$((count + 1))
	known=0
	cut -f1 differences.txt | grep -qxF -- "$case" && known=1
	if [ "${1:-}" = -l ]; then
		[ "$ours" = "$theirs" ] || printf '%s%s\n  vmux: %s\n  qemu: %s\n' "$case" "$([ $known = 0 ] || echo '   (explained)')" "$ours" "$theirs"
	elif [ "$ours" != "$theirs" ] && [ $known = 0 ]; then
		bad=1
		printf '# differs and is not explained: %s\n#   vmux: %s\n#   qemu: %s\n' "$case" "${ours:0:400}" "${theirs:0:400}"
	elif [ "$ours" = "$theirs" ] && [ $known = 1 ]; then
		bad=1
		printf '# explained in differences.txt, but the answers are equal: %s\n' "$case"
	fi
done <"$tmp/cases" 5<"$tmp/vmux.norm" 6<"$tmp/qemu.norm"
[ "${1:-}" = -l ] && exit 0
[ $bad = 0 ] && [ $count = "$(wc -l <"$tmp/cases")" ] || { echo "not ok 1 - monitor beside QEMU ($count requests)"; echo 1..1; exit 1; }
echo "ok 1 - monitor beside QEMU: $count requests"
echo 1..1
