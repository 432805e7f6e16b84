#!/bin/bash
# The machine protocol as clients that are not ours use it: socat and jq for every line that comes, what libvirt asks when it looks at an
# emulator and when it starts a machine, two clients at once, garbage, huge and half messages.  Speaks TAP.
cd "$(dirname "$0")" || exit 2
. ./lib.sh
vmux=../../build/vmux
command -v socat >/dev/null && command -v jq >/dev/null || { echo "ok 1 - clients of the machine protocol # SKIP socat and jq are needed"; echo 1..1; exit 0; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0
ok() {          # ok NAME CONDITION...
	local name=$1
	shift
	n=$((n + 1))
	if "$@"; then echo "ok $n - $name"; else echo "not ok $n - $name"; echo "# last answer: ${answer:0:300}"; fi
}
is() { [ "$(jq -S -c "$1" <<<"$answer" 2>/dev/null)" = "$2" ]; }       # is FILTER VALUE
holds() { jq -e "$1" <<<"$answer" >/dev/null 2>&1; }
all_answer() {  # each message of the list is answered by a value or an error, as one JSON object with the id
	local msg i=0
	while IFS= read -r msg; do
		[ -n "$msg" ] || continue
		i=$((i + 1))
		ask "$(jq -c --argjson i $i '. + {id: $i}' <<<"$msg")" || return 1
		is '.id' $i && jq -e "has(\"return\") or (.error | has(\"class\") and has(\"desc\"))" <<<"$answer" >/dev/null || return 1
		[ "${1:-}" != returns ] || jq -e 'has("return")' <<<"$answer" >/dev/null || return 1
	done
}
commands() { tr ' \t' '\n\n' | sed '/^$/d; s/.*/{"execute": "&"}/'; }

# ---- libvirt looks at the emulator
start probe $vmux -S -no-user-config -nodefaults -nographic -machine none,accel=kvm:tcg || echo "# no machine"
answer=$greeting
ok "greeting" holds '.QMP.version.qemu.major == 7 and .QMP.capabilities == ["oob"]'
ask '{"execute": "qmp_capabilities"}'
ok "negotiation" is .return '{}'
ok "libvirt's questions about the program" all_answer returns < <(commands <<<"query-version query-target query-qmp-schema query-commands query-kvm \
	qom-list-types query-machines query-cpu-definitions query-tpm-models query-tpm-types query-command-line-options query-migrate-capabilities")
ok "its questions that have no answer" all_answer < <(commands <<<"query-sev-capabilities query-sgx-capabilities nosuch"
	for t in virtio-blk-pci isa-debugcon pci-serial ide-hd VGA nosuch; do echo "{\"execute\": \"device-list-properties\", \"arguments\": {\"typename\": \"$t\"}}"; done
	for t in pc-i440fx-7.2-machine memory-backend-ram max-x86_64-cpu nosuch; do echo "{\"execute\": \"qom-list-properties\", \"arguments\": {\"typename\": \"$t\"}}"; done
	for t in static full; do echo "{\"execute\": \"query-cpu-model-expansion\", \"arguments\": {\"type\": \"$t\", \"model\": {\"name\": \"max\"}}}"; done)
ask '{"execute": "query-qmp-schema"}'
ok "every type of the description is there" holds '.return | (map({(.name): 1}) | add) as $all |
	all(.[]; [.["arg-type"], .["ret-type"], .["element-type"], (.members // [] | .[].type), (.variants // [] | .[].type)] | map(select(. != null)) | all($all[.] == 1))'
ask '{"execute": "query-commands"}'
known=$(jq -c '[.return[].name] | sort' <<<"$answer")
ask '{"execute": "query-qmp-schema"}'
ok "it describes the commands there are" is '[.return[] | select(."meta-type" == "command").name] | sort' "$known"
ask '{"execute": "quit"}'
ok "the event before the answer of quit" [ "$(jq -c '[.event, .data.reason]' <<<"$events")" = '["SHUTDOWN","host-qmp-quit"]' ]
exec 3>&- 4<&-
wait "$emulator"
ok "exit status 0" [ $? = 0 ]

# ---- the same as libvirt starts it: in the background, ready when the command returns
pid=""
$vmux -S -no-user-config -nodefaults -nographic -machine none,accel=kvm:tcg -qmp "unix:$tmp/d.sock,server=on,wait=off" -pidfile "$tmp/d.pid" -daemonize >"$tmp/d.log" 2>&1 &&
	pid=$(cat "$tmp/d.pid")
ok "-daemonize returns with a socket, a pidfile and nothing said" [ -S "$tmp/d.sock" -a -n "$pid" -a ! -s "$tmp/d.log" ]
dialog() { { printf '{"execute": "qmp_capabilities"}\n'; printf '%s\n' "$@"; } | timeout 120 socat -t90 - "UNIX-CONNECT:$tmp/d.sock" | tr -d '\r'; }
answer=$(dialog '{"execute": "qom-list-types", "id": 1}' '{"execute": "qom-list-properties", "arguments": {"typename": "memory-backend-file"}, "id": 2}' '{"execute": "quit"}')
ok "it tells of its engine" [ -n "$(jq -r 'select(.id == 1).return[].name | select(. == "tcg-accel")' <<<"$answer")" ]
ok "and of memory in files" [ "$(jq -c 'select(.id == 2).return | map(.name) | contains(["mem-path", "prealloc", "share"])' <<<"$answer")" = true ]
for ((i = 0; i < 600; i++)); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
ok "quit ends it, and its pidfile" [ $i -lt 600 -a ! -e "$tmp/d.pid" ]
$vmux -daemonize -display none -hda /nonexistent >"$tmp/d.log" 2>&1
ok "what cannot start says why" [ $? = 1 -a "$(cat "$tmp/d.log")" = "vmux: -hda /nonexistent: Could not open '/nonexistent': No such file or directory" ]

# ---- guest memory that is a file of the host
mkfifo "$tmp/qtest"
timeout 120 $vmux -accel qtest -qtest stdio -display none -nodefaults -m 2 -machine pc,memory-backend=r \
	-object memory-backend-file,id=r,size=2M,mem-path="$tmp/ram",share=on <"$tmp/qtest" >"$tmp/d.log" 2>&1 &
pid=$!
echo "write 0x1000 0x4 0x76656e69" >"$tmp/qtest" &
for ((i = 0; i < 900; i++)); do grep -q OK "$tmp/d.log" && break; sleep 0.1; done
kill $pid
wait $pid
ok "a shared file holds what the machine wrote" [ "$(stat -c %s "$tmp/ram") $(tail -c +4097 "$tmp/ram" | head -c 4)" = "2097152 veni" ]
refuses() { timeout 120 $vmux -display none -nodefaults -S -m 2 "${@:2}" >"$tmp/d.log" 2>&1; [ $? = 1 ] && grep -qF "$1" "$tmp/d.log"; }
ok "sizes have to agree" refuses "memory-backend=r: Machine memory size does not match the size of the memory backend" -machine pc,memory-backend=r -object memory-backend-ram,id=r,size=4M
ok "the file has to be large enough" refuses "backing store size 0x200000 does not match 'size' option 0x400000" -m 4 -machine pc,memory-backend=r \
	-object memory-backend-file,id=r,size=4M,mem-path="$tmp/ram"
ok "the back end has to exist" refuses "Memory backend 'nosuch' not found" -machine pc,memory-backend=nosuch

# ---- libvirt starts a machine
start machine $vmux -S -display none -m 128 -serial null -parallel null -monitor none -name guest || echo "# no machine"
ask '{"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]}}'
ok "libvirt's questions about a machine" all_answer returns < <(commands <<<"query-commands query-chardev query-cpus-fast query-hotpluggable-cpus query-iothreads query-block \
	query-blockstats query-named-block-nodes query-memory-devices query-current-machine query-rx-filter query-pci query-status query-name query-uuid"
	echo '{"execute": "qom-list", "arguments": {"path": "/machine/unattached/device[0]"}}'
	echo '{"execute": "qom-get", "arguments": {"path": "/machine/unattached/device[0]", "property": "realized"}}'
	echo '{"execute": "migrate-set-capabilities", "arguments": {"capabilities": [{"capability": "events", "state": true}]}}')
ok "the rest of its start" all_answer < <(commands <<<"getfd add-fd balloon set_password expire_password qom-set")
ask '{"execute": "cont"}'
ok "RESUME before the answer of cont" [ "$(jq -c .event <<<"$events")" = '"RESUME"' ]
ask '{"execute": "system_reset"}'
ok "RESET before the answer of system_reset" [ "$(jq -c '[.event, .data.reason]' <<<"$events")" = '["RESET","host-qmp-system-reset"]' ]
ask '{"exec-oob": "migrate-pause", "id": "oob"}'
ok "an out-of-band command" is '[.id, .error.class]' '["oob","GenericError"]'

# ---- strange clients
ask "{\"execute\":
  \"query-name\"}"
ok "a message over two lines" is .return '{"name":"guest"}'
printf '{"execute": "query-name", "id"' >&3
sleep 0.2
ask ': 7}'
ok "half a message, and the other half later" is .id 7
head -c 3000000 /dev/zero | tr '\0' x | sed 's/^/{"execute": "query-name", "id": 8, "arguments": {"x": "/; s/$/"}}/' >&3
ask ''
ok "a message of three million letters" is '[.id, .error.desc]' "[8,\"Parameter 'x' is unexpected\"]"
printf '\xff{{{[[[ 1 2 ]}' >&3
printf '\xff' >&3
while IFS= read -r -t 1 -u 4 answer; do :; done
ask '{"execute": "query-name", "id": "sane"}'
while ! is .id '"sane"' && IFS= read -r -t 60 answer <&4; do :; done
ok "garbage, and then sense" is '[.id, .return.name]' '["sane","guest"]'
chain=$(printf '{"execute": "query-name", "id": %s}' $(seq 200) | tr -d '\n')
printf '%s' "$chain" >&3
got=0
while [ $got -lt 200 ] && IFS= read -r -t 60 answer <&4; do got=$((got + 1)); done
ok "two hundred messages in one line" [ $got = 200 ]
finish
echo "1..$n"
