#!/bin/sh
# explore-test.sh GNTSIM PROTOCOLS: protocols that are right pass, their twins with a mistake do not, and what
# is found plays by itself and fails.
set -eu
gntsim=$(realpath "$1") protocols=$(realpath "$2")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
failed=0

complain()
{
	failed=1
	echo "FAILED: $*"
	sed 's/^/    /' out
}

# explores STATUS OPTION...: it ends so.
explores()
{
	want=$1
	shift
	got=0
	timeout 60 "$gntsim" explore "$@" >out 2>&1 || got=$?
	[ $got = "$want" ] || complain "explore $*: expected status $want, got $got"
}

says()
{
	grep -qF -e "$1" out || complain "expected '$1'"
}

# found MESSAGE LAST: found.scn fails with it, in its last line.
found()
{
	status=0
	"$gntsim" play --no-tap found.scn >out 2>&1 || status=$?
	[ $status = 1 ] || complain "what was found ends with $status when it is played"
	says "$1"
	[ "$(tail -n 1 found.scn)" = "$2" ] || complain "the last step: $(tail -n 1 found.scn)"
	! grep -qE 'parallel|else' found.scn || complain 'what was found has a block'
}

explores 0 "$protocols/notify-before-publish.scn"
explores 0 "$protocols/publish-before-notify.scn" --deaths none
"$gntsim" play --no-tap "$protocols/publish-before-notify.scn" >out || complain 'in the order in which it stands'
explores 1 "$protocols/publish-before-notify.scn" -o found.scn
says 'server is killed, and all branches that are left wait for ever'
found 'expected 4 [peer], got blocks' 'client: read(ec, 4) = 4 [peer]'
grep -q '^kill -9 server$' found.scn || complain 'nobody was killed'
# Nobody hears of a domain's end.
explores 1 "$protocols/notify-before-publish.scn" -o found.scn --deaths destroy
says 'dom0 is destroyed'
found 'expected 0, got 1' 'if server died: client: load(q, 1) = 0'

explores 0 "$protocols/index-after-data.scn" --deaths none
explores 1 "$protocols/index-before-data.scn" --deaths none -o found.scn
says 'an always does not hold'
found 'expected "hello", got fill(0, 5)' 'client: load(q, 5) = "hello"'

# A step after the block, in one order of two; loops, a branch that stopped, and a condition, in what is found.
head -n 19 "$protocols/index-after-data.scn" >order.scn
cat >>order.scn <<'END'
parallel {
for i in 0..1: server: store(p+i, 1)
if dom1 pvh: server: store(p+4, 1)
client: load(q+2, 1) = 1, else stop
client: store(q+9, 9)
client: close(99) = -1 EBADF
}
parallel {
for i in 2..3: server: store(p+i, 1)
client: load(q+2, 2) = 1 0, else stop
client: store(q+3, 5)
}
server: load(p, 4) = 1 1 1 1
END
"$gntsim" play --no-tap order.scn >out || complain 'in the order in which it stands'
explores 1 order.scn --guest pvh --deaths none -o found.scn
says "a step's result is another one"
found 'expected 1 1 1 1, got 1 1 1 5' 'server: load(p, 4) = 1 1 1 1'
grep -q '^for i in 1..1: server: store(p+i, 1)$' found.scn || complain 'the loop'
grep -q '^if dom1 pvh: server: store(p+4, 1)$' found.scn || complain 'the condition'
grep -q '^client: load(q+2, 1)$' found.scn || complain 'the branch that stopped'

# A kill between any two steps: the state after it is asked for.
sed -i '/^parallel/,$d' order.scn
cat >>order.scn <<'END'
parallel {
server: store(p, 1)
server: ioctl(ga, IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, {index=at, action=UNMAP_NOTIFY_CLEAR_BYTE})
server: store(p, 2)
}
if server died: client: load(q, 1) = 0
if server lives: server: load(p, 1) = 2
END
explores 1 order.scn -o found.scn
found 'expected 0, got 1' 'if server died: client: load(q, 1) = 0'

# How many orders there are: (2+2)!/(2!*2!) where all can be told apart, one where none can.
for at in "p q 6" "p q+1 1"; do
	# shellcheck disable=SC2086
	set -- $at
	sed -i '/^parallel/,$d' order.scn
	printf '%s\n' 'parallel {' "server: store($1, 1)" "server: store($1, 2)" "client: store($2, 3)" \
		"client: store($2, 4)" '}' >>order.scn
	explores 0 order.scn --guest pvh --deaths none
	says ": $3 orders in"
	explores 0 order.scn --guest pvh --deaths none --every-order
	says ': 6 orders in'
done
# What was not all tried has not passed.
explores 2 order.scn --guest pvh --deaths none --every-order --limit 5
says 'limited order.scn'
says ': 5 orders, not all of them (--limit) in'

# Two steps that each change what the other finds are tried in both orders, rule by rule of what a step touches.
both_orders()
{
	cat >two.scn <<END
domain dom0
domain dom1 pvh
process A, B in dom0
process C in dom1
A: ga = open("/dev/xen/gntalloc", O_RDWR)
B: gb = open("/dev/xen/gntalloc", O_RDWR)
A: ea = open("/dev/xen/evtchn", O_RDWR)
B: eb = open("/dev/xen/evtchn", O_RDWR)
C: ec = open("/dev/xen/evtchn", O_RDWR)
A: pa = ioctl(ea, IOCTL_EVTCHN_BIND_UNBOUND_PORT, {remote_domain=dom1})
C: pc = ioctl(ec, IOCTL_EVTCHN_BIND_INTERDOMAIN, {remote_domain=dom0, remote_port=pa})
parallel {
$1
$2
}
END
	explores 0 two.scn --deaths none
	says ': 2 orders in'
}
alloc='IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom1, flags=1, count=1}) = 0 {gref_ids=[_]}'
both_orders "A: ioctl(ga, $alloc" "B: ioctl(gb, $alloc"
both_orders "C: ioctl(ec, IOCTL_EVTCHN_NOTIFY, {port=pc})" "A: poll(ea) = _"
both_orders "A: close(ea)" "B: x = ioctl(eb, IOCTL_EVTCHN_BIND_UNBOUND_PORT, {remote_domain=dom1})"
both_orders "A: close(ea)" "C: ioctl(ec, IOCTL_EVTCHN_NOTIFY, {port=pc})"

# What can't be explored.
sed -i '/^parallel/,$d' order.scn
explores 125 order.scn
says 'expected a parallel, found none'
echo 'parallel {' >>order.scn
explores 125 order.scn
says "order.scn:20:1: expected '}' after the parallel"
sed 's/^domain dom0$/kernel < 5.0\n&/' "$protocols/notify-before-publish.scn" >old.scn
explores 125 old.scn
says 'does not hold for kernel 6.1'
explores 125 nowhere.scn
says 'No such file'
explores 125 "$protocols/publish-before-notify.scn" -o nowhere/found.scn
says 'nowhere/found.scn: No such file'
exit $failed
