#!/bin/sh
# SPDX-License-Identifier: MIT
# gntsim kit: what is in it, what it says where there is no Xen, what it judges on fake devices, in one domain
# and in two over each kind of channel, and what cannot be written.
# usage: kit-test.sh GNTSIM BETWEEN
set -u
gntsim=$(realpath "$1") between=$(realpath "$2")
dir=$(mktemp -d)
machine='' wire=''
# shellcheck disable=SC2317 # a trap calls it
finish() {
	[ -z "$machine" ] || kill "$machine"
	[ -z "$wire" ] || kill "$wire"
	wait
	rm -rf "$dir"
}
trap finish EXIT
cd "$dir" || exit
failed=0
fail() {
	failed=1
	echo "FAILED: $*"
	head -n 30 out err
}
: >out && : >err

# becomes STATUS COMMAND...: output and errors are in out and err.
becomes() {
	expected=$1 got=0
	shift
	timeout 60 "$@" >out 2>err || got=$?
	[ $got = "$expected" ] || fail "$*: status $got, expected $expected"
}
has() { # FILE WORDS
	grep -qF -e "$2" "$1" || fail "$1 has no '$2'"
}

mkdir own
cat >own/one.scn <<'END'
# Rule: what is granted is there to be read.
domain dom0
process A in dom0
A: ga = open("/dev/xen/gntalloc", O_RDWR)
A: ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom0, flags=GNTALLOC_FLAG_WRITABLE, count=1}) = 0 {index=at, gref_ids=[ref]}
A: p = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, ga, at)
A: store(p, "x")
A: load(p, 1) = "x"
END
cat >two.scn <<'END'
# Rule: what one domain grants another one maps.
domain dom0
domain dom1
process A in dom0
process B in dom1
A: ga = open("/dev/xen/gntalloc", O_RDWR)
A: ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom1, flags=GNTALLOC_FLAG_WRITABLE, count=1}) = 0 {index=at, gref_ids=[ref]}
A: a = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, ga, at)
B: gd = open("/dev/xen/gntdev", O_RDWR)
B: ioctl(gd, IOCTL_GNTDEV_MAP_GRANT_REF, {count=1, refs=[{domid=dom0, ref=ref}]}) = 0 {index=map}
B: b = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, gd, map)
A: store(a, "\x04\x0f\x10\x1e")
B: load(b, 4) = "\x04\x0f\x10\x1e"
END
echo 'nonsense' >broken.scn
"$gntsim" play --no-tap own/one.scn two.scn >out 2>err || fail "the scenarios are wrong"

# The same archive each time; whole, and by itself.
becomes 0 "$gntsim" kit -o kit.tar --scenarios own --scenarios two.scn
becomes 0 "$gntsim" kit -o - --scenarios own --scenarios two.scn
cmp kit.tar out || fail "two archives of the same differ"
tar tvf kit.tar >out
! grep -v ' root/root ' out || fail "not all is root's"
for name in README run scenarios/own/one.scn scenarios/two.scn; do
	has out "gntsim-kit/$name"
done
tar xf kit.tar && cd gntsim-kit || exit
ln -s ../out ../err .
for arch in a??64; do break; done
# With no more than sh and what uname says.
mkdir ../bin && ln -s "$(command -v uname)" "$(command -v sh)" ../bin
becomes 0 env -i PATH="$dir/bin" ./run --on model
grep -v '^# ' out | head -n 2 >plan
printf 'KTAP version 1\n1..%d\n' "$(grep -c '^ok ' out)" | cmp - plan || fail "no plan, or another"
has out 'ok 1 ./scenarios/own/one.scn'
# The corpus is in one that names no scenarios, and nothing of the source tree beside it.
(
	mkdir ../whole && cd ../whole && "$gntsim" kit -o - 2>>../err | tar x && cd gntsim-kit || exit 1
	[ "$(find scenarios -name '*.scn' | wc -l)" -gt 300 ] && [ -z "$(find scenarios ! -name '*.scn' ! -type d)" ]
) || fail "no corpus, or more than that"

# Where there is no Xen nothing is judged, and no run of nothing is a success.
if [ ! -e /dev/xen/gntdev ]; then
	becomes 125 ./run
	has err '/dev/xen/gntdev: No such file or directory (is this machine a Xen domain?)'
	has out 'Bail out! /dev/xen/gntdev'
	for role in --first --second; do
		becomes 125 ./run $role fd:0
		has err 'is this machine a Xen domain?'
	done
fi
becomes 125 ./run --on model -- ../broken.scn
has out 'not ok 1 ../broken.scn'
has out '# error: ../broken.scn:1:'
becomes 125 ./run --first
becomes 125 ./run --second
becomes 0 ./run --help
mv "$arch" gone
becomes 125 ./run --on model
has err 'this kit has no player for'
mv gone "$arch"

# On fake devices, as on a box.
if ! "$gntsim" run --front ptrace -- true 2>err; then
	[ $failed = 0 ] || exit 1
	echo "skipped: no ptrace front here: $(head -n 1 err)"
	exit 77
fi
on_fakes() {
	becomes "$1" "$gntsim" run --front ptrace -- ./run --domid 0 --host pv -- "$2"
}
on_fakes 0 scenarios/own
has out 'ok 1 scenarios/own/one.scn'
sed '$s/.*/A: load(p, 1) = "y"/' ../own/one.scn >wrong.scn
on_fakes 1 wrong.scn
has out 'not ok 1 wrong.scn'
has out '# failure: wrong.scn:8:'
sed 's/^domain dom0/domain dom0 pvh/' ../own/one.scn >other.scn
on_fakes 77 other.scn
has out 'ok 1 other.scn # SKIP'

# Two domains.
mkfifo ../ready ../end
"$gntsim" serve --socket "$dir/machine" >../ready 2>../err &
machine=$!
read -r _ <../ready
in_domain() { # N OPTION...
	domain=$1
	shift
	timeout 60 "$gntsim" run --front ptrace --socket "$dir/machine" --domain "$domain" -- \
		./run "$@" --domid "$domain" --host pv --patience 30
}
# between FIRST SECOND: channels of one wire; the second is there first.
between() {
	in_domain 1 --second "$2" >second 2>&1 &
	second=$!
	in_domain 0 --first "$1" >out 2>err || fail "--first $1: $?"
	wait $second || fail "--second $2: $(cat second)"
	has out 'domain 0, pv, Linux '
	has out '; the other: domain 1, pv, Linux '
	has out 'ok 2 ./scenarios/two.scn'
	has out '# 2 passed, 0 failed'
}
between listen:./channel ./channel
between ./channel listen:./channel
port=$((20000 + $$ % 20000))
between listen:127.0.0.1:$port 127.0.0.1:$port
"$between" console tty <../end >../ready &
wire=$!
exec 8>../end
read -r _ <../ready
between ./console ./tty
exec 8>&-
wait $wire
wire=''
# Nobody comes; the other is none.
becomes 125 "$gntsim" run --front ptrace -- ./run --first ./nobody --domid 0 --host pv --patience 1
has err './nobody: nobody came within 1 seconds'
becomes 125 "$gntsim" run --front ptrace -- ./run --first x --domid 0 --host pv
has err "expected FILE, listen:FILE, ADDRESS:PORT, listen:[ADDRESS:]PORT or fd:N, found 'x'"
becomes 125 "$gntsim" run --front ptrace -- ./run --first /dev/null --domid 0 --host pv
has err '/dev/null: the other side is gone'
cd ..

# What can't be: said in words, and nothing half is left.
becomes 125 "$gntsim" kit -o nowhere/kit.tar
has err 'nowhere/kit.tar: No such file or directory'
becomes 125 "$gntsim" kit -o own
has err 'own: Is a directory'
becomes 125 "$gntsim" kit -o /dev/full
has err 'No space left on device'
# shellcheck disable=SC2016
becomes 125 sh -c 'ulimit -f 100 && exec "$0" kit -o part.tar' "$gntsim"
has err 'part.tar: tar could not write it'
[ ! -e part.tar ] || fail "half an archive is left"
becomes 125 env PATH=/nowhere "$gntsim" kit -o part.tar
has err 'tar: No such file or directory'
for missing in amd64 arm64; do
	becomes 125 env GNTSIM_PLAY_STATIC=/nowhere "$gntsim" kit -o kit.tar --arch $missing
	has err "no static player for $missing: "
	has err '--player FILE'
done
becomes 125 env GNTSIM_PLAY_STATIC=/nowhere "$gntsim" kit -o kit.tar
has err 'no static player: /nowhere: No such file or directory'
becomes 125 "$gntsim" kit -o kit.tar --player two.scn
has err 'two.scn is no program for amd64 or arm64'
becomes 125 "$gntsim" kit -o kit.tar --player "$gntsim"
has err 'needs libraries: a player for a kit is linked with -static'
becomes 0 "$gntsim" kit -o kit.tar --player "gntsim-kit/$arch/player" --arch "$arch"
has err "gntsim kit: for $arch: gntsim-kit/$arch/player"
becomes 0 "$gntsim" kit --help
has out 'Usage: gntsim kit'
becomes 125 "$gntsim" kit
has err 'where to? (-o FILE)'
becomes 125 "$gntsim" kit -o kit.tar more
has err "expected no more words, found 'more'"
becomes 125 "$gntsim" kit -o kit.tar --arch pdp11
has err "--arch: expected amd64 or arm64, found 'pdp11'"
many=$(for _ in $(seq 65); do echo "--scenarios own"; done)
# shellcheck disable=SC2086
becomes 125 "$gntsim" kit -o kit.tar $many
has err "--scenarios: expected no more of them, found 'own'"
# Two of one name are told apart; the same one may be named again.
mkdir other
cp own/one.scn other/
becomes 0 "$gntsim" kit -o kit.tar --scenarios own/one.scn --scenarios other/one.scn --scenarios own/one.scn
tar -tf kit.tar >out
has out gntsim-kit/scenarios/one.scn
has out gntsim-kit/scenarios/2-one.scn
has out gntsim-kit/scenarios/3-one.scn
# Files that are nearly a player: cut, for 32 bits, for another machine.
player=$dir/gntsim-kit/$arch/player
head -c 30 "$player" >cut-off
head -c 70 "$player" >cut-headers
{ head -c 4 "$player"; printf '\001'; tail -c +6 "$player"; } >of-32-bits
{ head -c 18 "$player"; printf '\377\377'; tail -c +21 "$player"; } >other-machine
for wrong in cut-off cut-headers of-32-bits other-machine; do
	becomes 125 "$gntsim" kit -o kit.tar --player "$wrong"
	has err "$wrong is no program for amd64 or arm64"
done
exit $failed
