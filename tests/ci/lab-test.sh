#!/bin/bash
# shellcheck disable=SC2015,SC2034,SC2154,SC2317 # pieces of ci/xen-lab, and what they call
# ci/xen-lab without an emulator: its options, which kernel of many it takes, and what it says of a file that
# is none. Nothing is fetched.
set -eu
cd "$(dirname "$0")/../.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export GNTSIM_LAB_CACHE=$dir/cache TMPDIR=$dir
failed=0
fail() {
	failed=1
	echo "FAILED: $*"
}

# says WORDS ARGUMENT...: the lab can't, and says so in one line.
says() {
	local words=$1 status=0
	shift
	ci/xen-lab "$@" >"$dir/out" 2>&1 || status=$?
	[ $status = 125 ] || fail "xen-lab $*: status $status"
	[ "$(wc -l <"$dir/out")" = 1 ] && grep -qF -- "$words" "$dir/out" || fail "xen-lab $*: $(cat "$dir/out")"
}
says "no leg 'xp'" run xp -- /bin/true
says "--kernel: expected a series (6.1), a version (6.1.192) or newest, found 'six'" run pv --kernel six -- /bin/true
says "--kernel: expected a value" describe pv --kernel
says "--kernel-image: expected a kernel's file, found '/nowhere'" describe pv --kernel-image /nowhere
says "--modules: expected a directory" describe pv --kernel-image /bin/true --modules /bin/true
says "--modules: they are those of --kernel-image" describe pv --modules "$dir"
says "--module: expected NAME=FILE.ko, found 'xen-gntdev'" describe pv --module xen-gntdev
says "--module: no file /nowhere.ko" describe pv --module xen-gntdev=/nowhere.ko
says "--xen: expected a version (4.17) or a hypervisor's file, found '5'" describe pv --xen 5
says "--xen-tools: expected a version (4.17), found 'new'" describe pv --xen-tools new
says "--xsm: expected dummy or silo, found 'flask'" describe arm64 --xsm flask
says "--config-append: leg pv has no domain 1" describe pv --config-append 'vcpus = 2'
says "no option '--frob'" describe pv --frob x
says "drivers: the sources of your own kernel are with you" drivers pv --kernel-image /bin/true
says "leg cuse has no Xen" describe cuse --xsm silo
says "leg arm64-host has no Xen" describe arm64-host --xsm silo
says "stage: no --boot and no --append: its guest is thawed" stage pv --boot -- /bin/true
says "stage: no --stage: it makes one" stage pv --stage /x -- /bin/true
says "stage: which program?" stage pv
says "stage: arguments are given to run --stage" stage pv --file /bin=/bin -- /bin/true x
says "run --stage: what is booted, and its files, were said to stage" run pv --stage "$dir" --kernel 6.1 --
says "no stage $dir: ci/xen-lab stage makes one" run pv --stage "$dir" --
printf 'lab_leg=pv+pv\n' >"$dir/variables"
says "$dir is a stage of leg pv+pv" run pv --stage "$dir" --
says "an argument with a line's end can't be passed" run pv+pv --stage "$dir" -- 'a
b'
rm "$dir/variables"
says "arm64-host: no option '--frob'" arm64-host --frob x
says "no /nowhere/gntsim: ci/arch arm64 makes it" arm64-host --build /nowhere

# Its pieces, by themselves.
lab_cache=$dir/pieces lab_self=$0 lab_pieces=ci/lab
mkdir -p "$lab_cache/debs"
lab_fail() {
	echo "$*" >&2
	exit 125
}
lab_say() { echo "$*" >&2; }
for piece in suites packages kernel hypervisor cell; do
	# shellcheck disable=SC1090
	. "ci/lab/$piece.sh"
done
kernels='linux-image-6.1.0-9-amd64 6.1.27-1
linux-image-6.1.0-56-amd64 6.1.192-2
linux-image-6.1.0-55-amd64 6.1.19-2
linux-image-6.1.0-0.deb11.60-amd64 6.1.200-1
linux-image-6.1.0-57-arm64 6.1.199-1
linux-image-6.1.0-57-cloud-amd64 6.1.199-1
linux-binary-7.3.4+deb13-amd64 7.3.4-1~bpo13+1
linux-image-6.12.90+deb13.1-amd64 6.12.90-2
linux-image-6.12.9+deb12-amd64 6.12.9-1'
picks() { # EXPECTED KERNEL
	local got
	got=$(echo "$kernels" | lab_pick_kernel "$2" amd64) || got=none
	[ "$got" = "$1" ] || fail "kernel $2 is $got, expected $1"
}
picks 6.1.0-56-amd64 6.1
picks 6.1.0-55-amd64 6.1.19
picks 6.1.0-56-amd64 6.1.192
picks none 6.1.20
picks 6.12.90+deb13.1-amd64 6.12
picks 7.3.4+deb13-amd64 newest
picks none 6.2

# Kernels of one's own.
banner='Linux version 6.1.0-56-test (somebody) #1 SMP Debian 6.1.192-2 (2026-11-16)'
refuses() { # WORDS FILE ARCHITECTURE
	local said
	said=$(lab_take_kernel "$2" "" "$3" 2>&1) && fail "$2 is taken as a kernel"
	[[ $said = *"$1"* ]] || fail "$2: $said"
}
echo 'no kernel' >"$dir/text"
refuses 'is no amd64 kernel: expected a bzImage or a vmlinux' "$dir/text" amd64
refuses 'is no arm64 kernel: expected an Image' "$dir/text" arm64
{
	head -c 56 /dev/zero
	printf 'ARMd\n%s\n' "$banner"
} >"$dir/Image"
refuses 'is built without Xen (CONFIG_XEN)' "$dir/Image" arm64
printf '%s\n' 'xen,xen' >>"$dir/Image"
takes() { # FILE: the very kernel that is inside
	lab_take_kernel "$1" "" arm64 && [ "$(lab_kernel_version)" = 6.1.192 ] && cmp "$dir/Image" "$lab_kernel/image" ||
		fail "$1 is not taken"
}
takes "$dir/Image"
first=$lab_kernel
gzip -c "$dir/Image" >"$dir/Image.gz"
takes "$dir/Image.gz"
[ "$first" != "$lab_kernel" ] || fail "two kernels have one directory: $first"
# A vmlinuz.efi: where and how long what is packed is.
zstd -qc "$dir/Image" >"$dir/packed"
size=$(stat -c %s "$dir/packed")
{
	printf 'MZ\0\0zimg\100\0\0\0'
	# shellcheck disable=SC2059
	printf "\\x$(printf %02x $((size & 255)))\\x$(printf %02x $((size >> 8)))\0\0"
	head -c 8 /dev/zero
	printf 'zstd22'
	head -c 34 /dev/zero
	cat "$dir/packed"
} >"$dir/vmlinuz.efi"
takes "$dir/vmlinuz.efi"

# Two domains of amd64 have a processor each, if this machine has; nobody else has two.
# shellcheck source=ci/lab/machine.sh
. ci/lab/machine.sh
nproc() {
	echo "$processors"
}
for expected in '1 pv+pvh 1' '2 pv+pvh 2' '8 pv+pv 2' '8 pv 1' '8 arm64 1' '8 arm64+arm64 1' '8 cuse 1'; do
	read -r processors leg number <<<"$expected"
	[ "$(lab_processors "$leg")" = "$number" ] || fail "$leg on $processors processors has $(lab_processors "$leg")"
done
exit $failed
