#!/bin/sh
# SPDX-License-Identifier: MIT
# What the player finds out of the host that it runs on, and what it says of a script for another one. $1: gntsim
set -eu
gntsim=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/who.scn" <<'END'
domain dom0
process A in dom0
A: ga = open("/dev/xen/gntalloc", O_RDWR)
A: ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom0, count=1}) = 0
A: close(99) = -1 EBADF if xsm == dummy, else 0
END
sed 's/^domain dom0/domain dom0 pv/' "$dir/who.scn" >"$dir/pv.scn"

# expect STATUS TEXT COMMAND...
expect() {
	status=$1 text=$2 got=0
	shift 2
	"$@" >"$dir/out" 2>&1 || got=$?
	if [ $got = "$status" ] && grep -qF -e "$text" "$dir/out"; then
		return
	fi
	echo "$*: status $got, expected $status with '$text':"
	cat "$dir/out"
	exit 1
}

# Its number: of the tools' domain, of xenstored, of the user.
expect 0 '{domid=0, count=1}' "$gntsim" run -- "$gntsim" play --verbose --on device "$dir/who.scn"
expect 0 '{domid=5, count=1}' \
	"$gntsim" run --xenstore -- true ::: --domain 5 -- "$gntsim" play --verbose --on device "$dir/who.scn"
expect 0 '{domid=7, count=1}' \
	"$gntsim" run --domain 7 -- "$gntsim" play --verbose --on device --domid 7 "$dir/who.scn"
# Xen's policy: where it is SILO the script expects what does not come.
expect 1 'expected 0, got -1 EBADF' "$gntsim" run --xsm silo -- "$gntsim" play --on device "$dir/who.scn"
# Another guest, another kernel.
expect 77 'the host is a PVH guest' "$gntsim" run -- "$gntsim" play --on device --host pvh "$dir/pv.scn"
expect 77 "the host's kernel is " "$gntsim" run -- "$gntsim" play --on device --kernel 3.10 "$dir/who.scn"
# No domain.
mkdir "$dir/nodes"
expect 125 "nodes/gntdev: No such file or directory (is this machine a Xen domain?)" \
	"$gntsim" play --on device --device-dir "$dir/nodes" "$dir/who.scn"
ln -s /dev/null "$dir/nodes/gntdev"
expect 125 "nodes/gntalloc: No such file or directory (is its module loaded?)" \
	"$gntsim" play --on device --device-dir "$dir/nodes" "$dir/who.scn"
ln -s /dev/null "$dir/nodes/gntalloc"
ln -s /dev/null "$dir/nodes/evtchn"
expect 125 "can't find out this domain's id; say it with --domid" \
	"$gntsim" play --on device --device-dir "$dir/nodes" --host pv "$dir/who.scn"
expect 125 "can't find out whether this domain is pv or pvh; say it with --host" \
	"$gntsim" play --on device --device-dir "$dir/nodes" --domid 0 "$dir/who.scn"
