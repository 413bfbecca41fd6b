#!/bin/sh
# Whatever a script asks for is bounded: it is refused with its place, in little time and memory.
# usage: bounds-test.sh GNTSIM [KILOBYTES of address space]
set -u
gntsim=$(realpath "$1") memory=${2:-}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0 cases=0

# ends STATUS TEXT: the script $dir/t.scn ends so, and says the text.
ends() {
	cases=$((cases + 1))
	(
		cd "$dir" || exit
		[ -z "$memory" ] || ulimit -v "$memory" || exit
		timeout "${limit:-60}" "$gntsim" play -v t.scn
	) >"$dir/out" 2>&1
	got=$?
	[ $got = "$1" ] && grep -qF -e "$2" "$dir/out" && [ "$(wc -c <"$dir/out")" -lt 20000000 ] && return
	failed=$((failed + 1))
	echo "expected status $1 and '$2', got status $got and:"
	cut -c1-200 "$dir/out" | tail -n 8
	echo "  of the script:"
	cut -c1-120 "$dir/t.scn" | head -n 6
}
refused() {
	ends 125 "$1"
}
# script [LINE…]: one process, and these steps.
script() {
	{
		printf 'domain dom0\nprocess A in dom0\n'
		printf '%s\n' "$@"
	} >"$dir/t.scn"
}
# repeat N TEXT
repeat() {
	yes "$2" | head -n "$1" | tr -d '\n'
}

# Ranges: empty where the last is before the first, and not longer than a list can be.
script 'A: n = open("/dev/xen/evtchn", O_RDWR)' 'for i in 0..-1: A: close(i) = 0' 'for i in 3..n-1: A: close(i) = 0' \
	'A: write(n, [k for k in 0..n-4]) = 0' 'for i in -2..-1: A: close(i) = -1 EBADF'
ends 0 passed
script 'for i in 0..0x7fffffffffffffff: A: close(9) = -1 EBADF'
refused t.scn:3:10:
script 'for i in -1-0x7fffffffffffffff..0x7fffffffffffffff: A: close(9) = -1 EBADF'
refused t.scn:3:12:
script 'A: n = open("/dev/xen/evtchn", O_RDWR)' 'for i in 0..n+0x10000000: A: close(9) = -1 EBADF'
refused 't.scn:4:10: this range is too long'
script 'A: n = open("/dev/xen/evtchn", O_RDWR)' 'A: write(n, [k for k in 0..n<<40]) = 0'
refused t.scn:4:25:
script 'A: n = open("/dev/xen/evtchn", O_RDWR)' 'A: read(n, 4) = 4 [n for k in 0..1<<62]'
refused t.scn:4:31:
# Repetition within repetition.
script "$(for i in 1 2 3 4 5 6 7 8; do echo 'for i in 0..65000: A: close(9) = -1 EBADF'; done)"
refused 'the play has become too long'
script 'A: n = open("/dev/xen/evtchn", O_RDWR|O_NONBLOCK)' 'for i in 0..60000: A: write(n, [k for k in 0..60000]) = 4096'
refused 'the play has become too long'
script 'for i in 0..60000: A: store(BAD, fill(0, 4000000)) = SIGSEGV'
refused 'the play has become too long'
script 'for i in 0..60000: A: load(BAD, 4000000) = SIGSEGV'
refused 'the play has become too long'
script 'A: g = open("/dev/xen/gntdev", O_RDWR)' \
	"for i in 0..60000: A: ioctl(g, IOCTL_GNTDEV_MAP_GRANT_REF, {$(repeat 20000 count=1,)}) = 0 {index=_}"
refused 'the play has become too long'
# Sizes of bytes, of memory, of names.
script 'A: store(BAD, fill(1, 1<<40)) = SIGSEGV'
refused 't.scn:3:15: this is too long'
script 'A: store(BAD, fill(1, 4000000) fill(1, 4000000)) = SIGSEGV'
refused t.scn:3:32:
script 'A: ioctl(9, 0x1234, bytes(fill(1, 4000000), fill(1, 4000000))) = -1 EBADF'
refused t.scn:3:45:
script 'A: load(BAD, 1<<40) = SIGSEGV'
refused t.scn:3:15:
script 'A: mmap(NULL, 1<<40, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)'
refused t.scn:3:16:
script 'for i in 0..9: A: mmap(NULL, 1<<27, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)'
refused 't.scn:3:19: this takes the model more than the 512 MiB'
script 'A: mmap(NULL, 1<<47, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 ENOMEM'
ends 0 passed
script 'A: g = open("/dev/xen/gntdev", O_RDWR)' \
	'for i in 0..1000: A: ioctl(g, IOCTL_GNTDEV_MAP_GRANT_REF, {count=65536})'
refused 't.scn:4:22: this takes the model more than the 512 MiB'
script 'A: f = open("/dev/xen/gntdev", O_RDWR)' "$(for i in 1 2 3 4 5 6 7 8 9; do echo "A: a$i[65535] = dup(f)"; done)"
refused 'the names of this file have too many elements'
script 'A: f = open("/dev/xen/gntdev", O_RDWR)' 'A: a[1<<40] = dup(f)'
refused 't.scn:4:4: the index is too large'
# Limits of domains and of the machine, and time.
for setting in gntalloc_limit=65537 gntdev_limit=0x80000000 grant_frames=4097 maptrack_frames=1000000 \
	ports=131073 ports=1-2 gntdev_limit=0 'gntdev_limit=1<<32'; do
	printf 'domain dom0 %s\nprocess A in dom0\nA: close(9) = -1 EBADF\n' "$setting" >"$dir/t.scn"
	refused "expected ${setting%%=*} from 1 to"
done
for setting in gntalloc_limit=i gntalloc_limit=dom0 ports=4+dom0; do
	printf 'domain dom0 %s\ndomain dom1\nprocess A in dom0\nA: close(9) = -1 EBADF\n' "$setting" >"$dir/t.scn"
	refused t.scn:1:
done
printf 'domain dom0\nmachine frames=1048577\nprocess A in dom0\nA: close(9) = -1 EBADF\n' >"$dir/t.scn"
refused t.scn:2:16:
script 'set dom0 gntalloc_limit=0x100000000'
refused t.scn:3:25:
script 'A: f = open("/dev/xen/gntdev", O_RDWR)' 'set dom0 gntalloc_limit=f+65536'
refused 'this limit is too high'
script 'A: close(9) = -1 EBADF' 'raise 0x100000000 in dom0'
refused 'a virq has 32 bits'
script 'advance 601s'
refused 't.scn:3:9: expected at most 600s, found 601s'
script 'advance 18446744073709551615ns'
refused t.scn:3:9:
# What the file itself can be.
{
	for i in 0 1 2 3 4 5 6; do echo "domain dom$i pv|pvh"; done
	printf 'process A in dom0\nA: close(9) = -1 EBADF\n'
} >"$dir/t.scn"
refused 't.scn:7:8: expected at most 6 domains'
script "A: close($(repeat 300000 1+)1) = -1 EBADF"
refused 'more than 200 operators'
script "A: close($(repeat 300000 a[)"
refused 'more than 100 levels'
script "A: close($(repeat 300000 ' ')\$) = -1 EBADF"
refused 'this character has no meaning here'
head -c 1048577 /dev/zero | tr '\0' '#' >"$dir/t.scn"
refused 'File too large'

echo "$cases cases, $failed failed"
[ $failed = 0 ]
