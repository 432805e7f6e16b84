#!/bin/sh
# Build the demonstration guest's initrd: busybox, a few kernel modules, a shell on VGA, ttyS0 and ttyS1, and on hvc0 where there is a virtconsole.
# usage: make-initrd.sh KERNEL_DIR OUT      (KERNEL_DIR as fetch.sh leaves it; "-" for no modules)
set -eu
kernel=$1
out=$2
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp"
r=$tmp/root
mkdir -p "$r/bin" "$r/etc" "$r/proc" "$r/sys" "$r/dev" "$r/tmp" "$r/root" "$r/lib" "$r/mnt"
cp "$(command -v busybox)" "$r/bin/busybox"
cp "$here/demo/init" "$r/init"
cp "$here/demo/inittab" "$here/demo/profile" "$r/etc/"
chmod 755 "$r/init"
# The system's own agetty, with the libraries it names.
for f in /sbin/agetty $(ldd /sbin/agetty | sed -n 's|.*[ \t]\(/[^ ]*\) (0x.*|\1|p'); do
	mkdir -p "$r$(dirname "$f")"
	cp -L "$f" "$r$f"
done
echo "root::0:0:root:/root:/bin/sh" > "$r/etc/passwd"
echo "root:x:0:" > "$r/etc/group"
if [ "$kernel" != - ]; then
	rel=$(cat "$kernel/release")
	from=$kernel/modules/$rel
	mkdir -p "$r/lib/modules/$rel"
	cp "$from"/modules.builtin* "$from/modules.order" "$r/lib/modules/$rel/"
	for m in ata_piix sd_mod sr_mod isofs floppy psmouse evdev parport_pc lp bochs virtio_pci virtio_console; do
		# modules.dep: "path/m.ko: dep1 dep2"
		sed -n "s|^\([^:]*/$m\.ko[^:]*\):\(.*\)|\1\2|p" "$from/modules.dep" | tr ' ' '\n'
	done | sort -u | while read -r f; do
		[ -n "$f" ] || continue
		mkdir -p "$r/lib/modules/$rel/$(dirname "$f")"
		cp "$from/$f" "$r/lib/modules/$rel/$f"
	done
	/sbin/depmod -b "$r" "$rel"
fi
(cd "$r" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet) > "$tmp/initrd"
mkdir -p "$(dirname "$out")"
mv "$tmp/initrd" "$out"
