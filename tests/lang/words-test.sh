#!/bin/sh
# SPDX-License-Identifier: MIT
# What gntsim play and gntsim fuzz say to words that they can't take, and of files that they can't write. $1: gntsim,
# $2: a lab that is none.
set -eu
gntsim=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export GNTSIM_XEN_LAB="$2" GNTSIM_PLAY_STATIC=/bin/true LAB_LOG="$dir/log"
export FAULT_CRASH=none FAULT_DIFFERENCE=none FAULT_HANG=none
failed=0
one=$dir/one.scn
printf 'domain dom0\nprocess A in dom0\nA: close(9) = -1 EBADF\n' >"$one"

# says STATUS WORDS COMMAND...
says() {
	expected=$1 words=$2 status=0
	shift 2
	timeout 60 "$@" >"$dir/out" 2>"$dir/err" || status=$?
	if [ $status = "$expected" ] && cat "$dir/out" "$dir/err" | tr -d '\r' | grep -qF -e "$words"; then
		return
	fi
	failed=1
	echo "$*: status $status, expected $expected with '$words':"
	cat "$dir/out" "$dir/err"
}
play() {
	expected=$1 words=$2
	shift 2
	says "$expected" "$words" "$gntsim" play "$@"
}
fuzz() {
	expected=$1 words=$2
	shift 2
	says "$expected" "$words" "$gntsim" fuzz --write "$dir/fuzz" "$@"
}

play 125 "--on: expected the name of a substrate, found 'nothing'" --on nothing "$one"
play 125 "--guest: expected pv or pvh, found 'hvm'" --guest hvm "$one"
play 125 "--host: expected pv or pvh, found 'hvm'" --host hvm "$one"
play 125 "--domid: expected a number from 0 to 32751, found 'x'" --domid x "$one"
play 125 "--leg: expected pv, pv+pvh" --leg pvh "$one"
play 125 "--seed: expected a number" --seed x "$one"
play 125 "--jobs: expected a number from 1 to 256, found '0'" -j 0 "$one"
play 125 "--quiet: expected a number from 1 to 60000, found '0'" --quiet 0 "$one"
play 125 "--patience: expected a number from 1 to 86400, found '0'" --patience 0 "$one"
play 125 "--time-limit: expected a number from 1 to 86400, found '0'" --time-limit 0 "$one"
play 125 "--kernel: expected a version X.Y, found 'x'" --kernel x "$one"
play 125 "--kernel: model knows no kernel as old as 2.4" --kernel 2.4 "$one"
play 0 "--kernel: model knows no kernel 99.1; it is played as " --kernel 99.1 "$one"
play 125 "--arch: expected amd64 or arm64, found 'x'" --arch x "$one"
play 125 "--xsm: expected dummy or silo, found 'x'" --xsm x "$one"
play 125 "--xen: expected a version X.Y, found 'x'" --xen x "$one"
play 125 "--xen: the model knows no Xen as old as 3.4" --xen 3.4 "$one"
play 125 "--xsm: what device is can't be chosen" --on device --xsm silo "$one"
play 125 "--xen: what device is can't be chosen" --on device --xen 4.17 "$one"
play 125 "--arch: what device is can't be chosen" --on device --arch arm64 "$one"
play 125 "--arch: of xen it is the leg's" --on xen --arch arm64 "$one"
play 125 "--ktap: of xen gntsim conform writes it" --on xen --ktap "$one"
play 125 "--kernel: expected a version X.Y or X.Y.Z, or newest, found '.6.1'" --on xen --kernel .6.1 "$one"
play 125 "--kernel: expected a version X.Y or X.Y.Z, or newest, found '6.1.'" --on xen --kernel 6.1. "$one"
play 125 "--second: at which channel?" --second
play 125 "--channel: it is for --on pair alone" --channel /dev/null "$one"
play 125 "which scenarios?"
mkdir "$dir/empty"
play 125 "no scenario (*.scn) there" "$dir/empty"
play 125 "Bail out! there is no second domain" --ktap --on pair "$one"
play 0 "# seed: 5" --tap --seed 5 "$one"
modules=$(for n in $(seq 33); do echo "--module m$n=/file"; done)
# shellcheck disable=SC2086
play 125 "--module: expected no more such options" --on xen $modules "$one"
# shellcheck disable=SC2016
says 125 "writing the report: No space left on device" sh -c '"$0" play "$1" >/dev/full' "$gntsim" "$one"
for n in 1 2; do
	cp "$one" "$dir/$n.scn"
done
# shellcheck disable=SC2016
says 125 "writing the report: No space left on device" sh -c '"$0" play -j 2 "$@" >/dev/full' "$gntsim" "$dir/1.scn" "$dir/2.scn"
play 125 "writing the report: No space left on device" --junit /dev/full "$one"
play 125 "writing the report: No such file or directory" --junit /nowhere/file "$one"

fuzz 125 "--against: expected the name of a substrate, found 'nothing'" --against nothing
fuzz 125 "--against xen: expected the leg pv" --against xen:pvh
fuzz 125 "--guest: real Xen's domains are those of its leg" --against xen --guest pv
fuzz 125 "--guest: expected pv, pvh or two of them, found 'hvm'" --guest hvm
fuzz 125 "--arch: of xen it is the leg's" --against xen --arch arm64
fuzz 125 "--kernel: expected a version X.Y or X.Y.Z, or newest, found 'x'" --against xen --kernel x
fuzz 125 "--kernel: expected a version X.Y, found 'x'" --against xen --kernel x --against-kernel 6.1.2
fuzz 125 "--kernel: expected a version X.Y, found 'x'" --kernel x
fuzz 125 "--against-kernel: expected a version X.Y, found 'x'" --against-kernel x
fuzz 125 "knows no kernel as old as 2.4" --against-kernel 2.4
fuzz 125 "knows no kernel as old as 2.4" --kernel 2.4
fuzz 125 "--xen: expected a version X.Y, found 'x'" --xen x
fuzz 125 "what is booted only --against xen asks, found '--module'" --module a=/b
fuzz 125 "--dmabuf: expected all or linux, found 'some'" --dmabuf=some
fuzz 0 "0 differences" --dmabuf=linux --ops 50
fuzz 0 "0 differences" --dmabuf --ops 50
fuzz 125 "--allow-hazard: expected one of " --allow-hazard none-such
hazard=$("$gntsim" fuzz --allow-hazard none-such 2>&1 | sed 's/.*expected one of \([^,]*\),.*/\1/')
fuzz 0 "0 differences" --allow-hazard "$hazard" --ops 50
allowed=$(for _ in 1 2 3 4 5 6 7 8 9; do echo "--allow-hazard $hazard"; done)
# shellcheck disable=SC2086
fuzz 125 "--allow-hazard: expected no more names" $allowed
if "$gntsim" run --front fuse -- true 2>/dev/null; then
	fuzz 125 "every sequence needs " --against fuse-unassisted --ops 50
fi
fuzz 125 "--ops: expected a number" --ops 0
fuzz 125 "expected no other word, found 'more'" more
fuzz 125 "nodes/gntdev: No such file or directory" --against device --device-dir "$dir/nodes"
# A hypervisor of one's own is judged as the default.
fuzz 0 "0 differences" --against xen --xen /my/xen --ops 50
GNTSIM_XEN_LAB=/nowhere fuzz 125 "gntsim fuzz: xen: no lab at /nowhere" --against xen --ops 50
GNTSIM_XEN_LAB=/nowhere fuzz 125 "gntsim fuzz: xen: it can't be started" --against xen --ops 50 --kernel newest

# Sequences in files: the same ones are not written twice, and what was worked on stays.
rm -rf "$dir/fuzz"
write() {
	fuzz "$1" "$2" --count 3 --ops 60 --length 20
}
write 0 "3 sequences"
[ "$(ls "$dir/fuzz")" = "$(printf 'fuzz-1-%s.scn\n' 0 1 2)" ] || { ls "$dir/fuzz" && failed=1; }
write 0 "3 sequences"
set -- "$dir"/fuzz/*
[ $# = 3 ] || { echo "$*" && failed=1; }
echo "# more" >>"$dir/fuzz/fuzz-1-0.scn"
sed -i '$d' "$dir/fuzz/fuzz-1-1.scn"
sed -i 's/dom0/dom1/' "$dir/fuzz/fuzz-1-2.scn"
write 0 "3 sequences"
set -- "$dir"/fuzz/fuzz-1-*-2.scn
[ $# = 3 ] || { echo "$*" && failed=1; }
: >"$dir/file"
says 125 "gntsim fuzz: $dir/file/fuzz-1-0.scn: Not a directory" "$gntsim" fuzz --count 1 --write "$dir/file"
# shellcheck disable=SC2016
says 125 "fuzz-1-0.scn: File too large" sh -c 'ulimit -f 1 && exec "$0" fuzz --count 1 --write "$1"' "$gntsim" "$dir/more"
# On a terminal it says how far it is.
if command -v script >/dev/null; then
	says 0 "calls, 0 differences" script -qec "'$gntsim' fuzz --ops 50" /dev/null
fi
exit $failed
