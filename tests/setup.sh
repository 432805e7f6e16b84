#!/bin/sh
# Install the Debian packages that a job needs.  usage: tests/setup.sh build|run|test [...]
# Root is asked for (sudo) only when something is missing and we are not root.
set -eu
build="gcc make pkg-config libncurses-dev libvterm-dev libpcre2-dev libzydis-dev libzycore-dev libjansson-dev libpng-dev libtelnet-dev libgnutls28-dev libbrlapi-dev libzstd-dev acpica-tools binutils"
run="seabios busybox-static cpio kmod xz-utils"
tests="libcmocka-dev libxkbcommon-dev xkb-data libx11-data memtest86+ grub-rescue-pc tmux socat jq netcat-openbsd telnet gnutls-bin openssl brltty python3-websockets gdb"
bench="tmux qemu-system-x86 bochs bochs-term bochsbios vgabios"
want=""
for job in "$@"; do
	case $job in
	build) want="$want $build" ;;
	run)   want="$want $build $run" ;;
	test)  want="$want $build $run $tests" ;;
	bench) want="$want $build $run $bench" ;;
	*) echo "setup.sh: unknown job '$job' (build, run, test, bench)" >&2; exit 2 ;;
	esac
done
command -v dpkg-query >/dev/null 2>&1 || { echo "setup.sh: not a Debian system; needed are:$want" >&2; exit 0; }
missing=""
for p in $want; do
	case "$(dpkg-query -W -f '${Status}' "$p" 2>/dev/null)" in
	*"ok installed") ;;
	*) case " $missing " in *" $p "*) ;; *) missing="$missing $p" ;; esac ;;
	esac
done
[ -n "$missing" ] || exit 0
as_root=""
[ "$(id -u)" = 0 ] || as_root=sudo
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
$as_root apt-get -q update >/dev/null || echo "setup.sh: apt-get update failed; trying with the lists that are here" >&2
# shellcheck disable=SC2086
$as_root apt-get -q -y --no-install-recommends install $missing >/dev/null
