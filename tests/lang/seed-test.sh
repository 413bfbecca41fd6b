#!/bin/sh
# Branches of a parallel in one order a seed: the same one again, elsewhere too; and not all seeds' are one.
set -eu
gntsim=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail()
{
	echo "$0: $*" >&2
	exit 1
}

cat >"$dir/t.scn" <<'END'
domain dom0
domain dom1
process A in dom0
process B in dom1
A: ga = open("/dev/xen/gntalloc", O_RDWR)
A: ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom1, flags=1, count=1}) = 0 {index=i, gref_ids=[ref]}
A: p = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, ga, i)
A: ea = open("/dev/xen/evtchn", O_RDWR)
A: a = ioctl(ea, IOCTL_EVTCHN_BIND_UNBOUND_PORT, {remote_domain=dom1})
B: gd = open("/dev/xen/gntdev", O_RDWR)
B: ioctl(gd, IOCTL_GNTDEV_MAP_GRANT_REF, {count=1, refs=[{domid=dom0, ref=ref}]}) = 0 {index=m}
B: q = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, gd, m)
B: eb = open("/dev/xen/evtchn", O_RDWR)
B: b = ioctl(eb, IOCTL_EVTCHN_BIND_INTERDOMAIN, {remote_domain=dom0, remote_port=a})
B: read(eb, 4) = 4 [b]
B: write(eb, [b]) = 4
parallel {
A: store(p, 1)
A: store(p+1, 1)
A: ioctl(ea, IOCTL_EVTCHN_NOTIFY, {port=a})
A: load(p+4, 1) = 1, else wait
B: store(q+2, 1)
B: store(q+3, 1)
B: store(q+4, 1)
B: read(eb, 4) = 4 [b]
}
A: load(p, 5) = 1 1 1 1 1
END

# The lines of the steps in the block, in the order in which they were done.
order()
{
	"$gntsim" play --no-tap -v "$@" "$dir/t.scn" >"$dir/out" 2>&1 || { cat "$dir/out" && fail "$*"; }
	sed -n 's/^ *\([0-9]*\)  [AB]: .*/\1/p' "$dir/out" | awk '$1 > 17 && $1 < 26' | tr '\n' ' '
}

[ "$(order)" = '18 19 20 22 23 24 21 25 ' ] || fail "without a seed: $(order)"
for seed in 1 2 3 4 5 6; do
	first=$(order --seed $seed)
	[ "$first" = "$(order --seed $seed)" ] || fail "seed $seed: two orders"
	[ "$first" = "$(order --seed $seed --on socket)" ] || fail "seed $seed: another order on socket"
	echo "$seed: $first"
done >"$dir/orders"
cat "$dir/orders"
[ "$(cut -d: -f2 "$dir/orders" | sort -u | wc -l)" -gt 2 ] || fail 'all seeds have one order'
