#!/bin/sh
# Unpack guest software from Debian's packages, without installing it.  usage: fetch.sh DIR WHAT...
#   linux-6.1  linux-6.12  -> DIR/WHAT/vmlinuz and DIR/WHAT/modules       netboot-amd64  netboot-i386 -> DIR/WHAT/{linux,initrd.gz}
# linux-6.12 comes with Debian 12's security updates: a system without that list goes without, and its test says that it is skipped.
set -eu
dir=$1
shift
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

# The newest kernel package a pattern finds.
newest() {
	apt-cache pkgnames linux-image-"$1" | grep -E "^linux-image-$1[0-9.+a-z-]*-amd64\$" | grep -vE 'cloud|rt|dbg|unsigned' | sort -V | tail -n 1
}
get() {         # get PACKAGE: leaves its files in $tmp/x
	(cd "$tmp" && apt-get -q download "$1" >/dev/null 2>&1) || { echo "fetch.sh: cannot download $1 (apt-get update run?)" >&2; exit 1; }
	dpkg -x "$tmp"/*.deb "$tmp/x"
}
linux() {       # linux PREFIX
	pkg=$(newest "$1")
	[ -n "$pkg" ] || { echo "fetch.sh: no package linux-image-$1*-amd64 known (apt-get update run?)" >&2; exit 1; }
	get "$pkg"
	cp "$tmp"/x/boot/vmlinuz-* "$tmp/out/vmlinuz"
	rel=$(ls "$tmp"/x/lib/modules)
	/sbin/depmod -b "$tmp/x" "$rel"
	mkdir "$tmp/out/modules"
	mv "$tmp/x/lib/modules/$rel" "$tmp/out/modules/"
	echo "$rel" > "$tmp/out/release"
}
netboot() {     # netboot ARCH
	get "debian-installer-12-netboot-$1"
	cp "$tmp/x/usr/lib/debian-installer/images/12/$1/text/debian-installer/$1/linux" "$tmp/out/"
	cp "$tmp/x/usr/lib/debian-installer/images/12/$1/text/debian-installer/$1/initrd.gz" "$tmp/out/"
}

for what in "$@"; do
	[ -e "$dir/$what/.done" ] && continue
	if [ "$what" = linux-6.12 ] && [ -z "$(newest 6.12.)" ]; then
		echo "fetch.sh: no package linux-image-6.12.*-amd64 in the lists of this system (bookworm-security has it): going without" >&2
		continue
	fi
	tmp=$(mktemp -d)
	trap 'rm -rf "$tmp"' EXIT
	chmod 755 "$tmp"
	mkdir "$tmp/out"
	echo "fetching $what"
	case $what in
	linux-6.1)  linux 6.1.0- ;;
	linux-6.12) linux 6.12. ;;
	netboot-*)  netboot "${what#netboot-}" ;;
	*) echo "fetch.sh: unknown guest '$what'" >&2; exit 2 ;;
	esac
	touch "$tmp/out/.done"
	rm -rf "${dir:?}/$what"
	mv "$tmp/out" "$dir/$what"
	rm -rf "$tmp"
	trap - EXIT
done
