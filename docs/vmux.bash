# bash completion for vmux: options come from `vmux -h`, so that they are said once.
_vmux() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	case ${COMP_WORDS[1]} in
	attach|send|wait|screen|stop)
		if [[ $COMP_CWORD -gt 1 ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$("$1" ls 2>/dev/null | awk 'NR > 1 { print $1 }') --pane --timeout --ansi --linear -r" -- "$cur"); return
		fi ;;
	esac
	case $prev in
	-hda|-hdb|-hdc|-hdd|-fda|-fdb|-cdrom|-kernel|-initrd|-bios|-pidfile|-D|-qtest-log)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	-L) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	-display) mapfile -t COMPREPLY < <(compgen -W "curses none" -- "$cur"); return ;;
	-accel) mapfile -t COMPREPLY < <(compgen -W "interp tcg qtest" -- "$cur"); return ;;
	-machine|-M) mapfile -t COMPREPLY < <(compgen -W "$("$1" -machine help 2>/dev/null | awk 'NR > 1 { print $1 }')" -- "$cur"); return ;;
	-cpu) mapfile -t COMPREPLY < <(compgen -W "$("$1" -cpu help 2>/dev/null | awk '$1 == "x86" { print $2 }')" -- "$cur"); return ;;
	-device) mapfile -t COMPREPLY < <(compgen -W "$("$1" -device help 2>/dev/null | sed -n 's/^name "\([^"]*\)".*/\1/p')" -- "$cur"); return ;;
	-serial|-parallel|-monitor|-qmp|-debugcon)
		mapfile -t COMPREPLY < <(compgen -W "vc stdio pty null none file: unix: tcp: telnet: mon:stdio" -- "$cur"); return ;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$("$1" -h 2>/dev/null | grep '^-' | grep -oE '(^|, )-[A-Za-z_-]+' | tr -d ', ')" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		[[ $COMP_CWORD -eq 1 ]] && mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "ls attach start stop send wait screen config run" -- "$cur")
	fi
}
complete -o filenames -F _vmux vmux
