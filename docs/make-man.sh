#!/bin/sh
# Write the manual page from what the program says of itself.  usage: make-man.sh VMUX OUT
set -eu
vmux=$1
{
cat <<'END'
.TH VMUX 1 "" "vmux" "User commands"
.SH NAME
vmux \- run PC virtual machines in a terminal
.SH SYNOPSIS
.B vmux
.RI [ option ...]
.RI [ "disk image" ]
.br
.B vmux
(the machine list)
.br
.B vmux start
.RI [ option ...]
.br
.B vmux stop
.I NAME
.RB [ \-\-now ]
.br
.B vmux config check
.RI [ FILE ]
.br
.B vmux ls
.br
.B vmux attach
.RB [ \-r ]
.RB [ \-\-linear ]
.I NAME
.br
.B vmux send
.I NAME
.RB [ \-\-pane
.IR P ]
.IR TEXT | <keys>
.br
.B vmux wait
.I NAME
.RB [ \-\-pane
.IR P ]
.RB [ \-\-timeout
.IR SECONDS ]
.RB [ \-q ]
.I REGEX
.br
.B vmux screen
.I NAME
.RB [ \-\-pane
.IR P ]
.RB [ \-\-ansi ]
.SH DESCRIPTION
.B vmux
emulates a PC, in this process, and shows it in the terminal: the VGA text screen, each serial port and the monitor are panes of an ncurses workstation.
Command line, monitor and device names are those of QEMU, so scripts and habits carry over. The machine never waits for the terminal: one that
stops reading, is slow or hangs up costs the guest nothing.
.PP
Without
.B \-nographic
or
.B \-display none
a terminal is needed; with them the first serial port and the monitor can share standard input and output (Ctrl-a h for help).
.SH KEYS
Alt and a digit, or Esc and then the digit, select a pane: 1 is the VGA screen, then come the consoles in the order in which they were made (monitor, serial ports,
parallel port by default). In text panes Ctrl-Up, Ctrl-Down, Ctrl-PgUp and Ctrl-PgDn look back. Everything else goes to the guest, but for the prefix, Ctrl-a:
.PP
END
sed -n 's/^ACTION(\([A-Z_]*\), *"\([^"]*\)", *"\([^"]*\)", *PREFIX, *"[^"]*", *"\(.*\)")$/\3	\4/p' tui/actions.def | while IFS='	' read -r keys help; do
	[ -n "$keys" ] || continue
	printf '.TP\n.B Ctrl-a %s\n%s\n' "$(echo "$keys" | sed 's/ / or /g; s/-/\\-/g')" "$(echo "$help" | sed 's/-/\\-/g')"
done
echo '.SH OPTIONS'
"$vmux" -h | awk '
	/^-/ { gsub(/-/, "\\-"); print ".TP"; print ".B " $0; next }
	/^        / { sub(/^ +/, ""); gsub(/-/, "\\-"); print; next }'
cat <<'END'
.PP
A comma inside a value is written twice. A word that is not an option is the image of the first IDE disk.
.SH EXIT STATUS
0 when the machine ended as asked (power-off, quit); 1 for a mistake on the command line or a machine that could not be made: one sentence on standard error says which option
and what is accepted. A guest may choose another status through the device isa-debug-exit: (value * 2) + 1.
.PP
A machine outlives its terminal: after Ctrl-a d, or a hang-up, the program at the terminal ends with 0 and the machine runs on;
.B vmux ls
lists such machines and
.B vmux attach
comes back to one. When the machine's process was killed by signal N the status is 128 + N.
.B vmux wait
ends with 0 when the pane shows text that matches, 1 for a mistake, 2 when the time is up, 3 when the machine ended first;
.B vmux send
and
.B vmux screen
with 0, 1 or 3 likewise.
.SH FILES
.TP
.I ~/.config/vmux/config
settings: prefix, keys, theme, scrollback, layout;
.B vmux config check
reads it.
.TP
.I ~/.config/vmux/machines
the machines of the machine list.
.TP
.I $XDG_RUNTIME_DIR/vmux
control sockets of running machines.
.TP
.I PREFIX/share/vmux/keymaps, PREFIX/share/vmux/themes
key maps for
.B \-k
and colour themes; text files that say how they are written.
.TP
.I /usr/share/seabios
the firmware (package seabios); another place is named by
.B \-L
or
.BR \-bios .
.SH EXAMPLES
.nf
vmux -m 512 -hda disk.img -cdrom install.iso -boot d
vmux -kernel vmlinuz -initrd initrd -append "console=ttyS0" -nographic
vmux -S -monitor unix:/run/user/1000/mon,server,nowait disk.img
.fi
.SH SEE ALSO
.BR tmux (1),
.BR gdb (1),
.BR socat (1)
END
} > "$2"
