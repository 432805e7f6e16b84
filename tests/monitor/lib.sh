# lib.sh - a machine protocol session through socat; sourced by the scripts of this folder.  Needs socat and jq.
export XDG_STATE_HOME=/dev/null       # no history of what is typed here
# start NAME PROGRAM ARG...: the program with QMP on a socket, and a client on file descriptors 3 (to) and 4 (from).
start() {
	local name=$1 sock
	shift
	sock=$tmp/$name.sock
	rm -f "$tmp/$name.in" "$tmp/$name.out"
	timeout -k 2 550 "$@" -qmp "unix:$sock,server=on,wait=off" >"$tmp/$name.log" 2>&1 </dev/null &
	emulator=$!
	local tries=0
	while [ ! -S "$sock" ]; do
		tries=$((tries + 1))
		{ [ $tries -lt 900 ] && kill -0 $emulator 2>/dev/null; } || { sed 's/^/# /' "$tmp/$name.log"; return 1; }
		sleep 0.1
	done
	mkfifo "$tmp/$name.in" "$tmp/$name.out"
	timeout -k 2 550 socat - "UNIX-CONNECT:$sock" <"$tmp/$name.in" >"$tmp/$name.out" &
	exec 3>"$tmp/$name.in" 4<"$tmp/$name.out"
	IFS= read -r -t 90 greeting <&4
}
# ask JSON: send it; the answer is in $answer, events before it in $events.
ask() {
	local line
	answer="" events=""
	printf '%s\n' "$1" >&3
	while IFS= read -r -t 90 line <&4; do
		case $line in
		*'"event": '*'"timestamp"'*|'{"timestamp"'*) events="$events$line"$'\n' ;;
		*) answer=${line%$'\r'}; return 0 ;;
		esac
	done
	return 1
}
finish() {
	ask '{"execute": "quit"}'
	exec 3>&- 4<&-
	wait "$emulator"
}
