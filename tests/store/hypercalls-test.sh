#!/bin/sh
# privcmd answers what the model knows, in domain 0 and in another, the same on each front.
# usage: hypercalls-test.sh GNTSIM HYPERCALLS FRONT...
gntsim=$(realpath "$1") calls=$(realpath "$2")
shift 2
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../cli/script.sh"
if [ "$2" != socket ] && ! "$gntsim" run "$@" -- true 2>"$dir/why"; then
	echo "skipped: $(cat "$dir/why")"
	exit 77
fi
serve="serve --socket $dir/s"
if [ "$*" = "--front fuse --assist=no" ]; then
	mkdir "$dir/tree"
	trap 'umount -l "$dir/tree" 2>/dev/null; clean_up' EXIT
	serve="$serve --mount $dir/tree"
fi
# shellcheck disable=SC2086
start serve "$gntsim" $serve
# Port 1 of domain 0 stays, and domain 5.
# shellcheck disable=SC2016
start port "$gntsim" run --socket "$dir/s" "$@" -- perl -e '
	open(F, "+<", "/dev/xen/evtchn") or die "evtchn: $!";
	my $bind = pack("S", 3) . "\0\0"; ioctl(F, 0x44502, $bind) or die "bind: $!";
	$| = 1; print "ready\n"; sleep 300'
start five "$gntsim" run --socket "$dir/s" "$@" --domain 5 -- sh -c 'echo ready; exec sleep 300'

cat >"$dir/want" <<END
status unbound:0 virq:1 closed EINVAL unbound:3 ESRCH
alloc_unbound 0 unbound:4 0
domctl 0:0:20 0:5:112 ESRCH EINVAL EACCES EFAULT
sysctl 0:0:5 EFAULT 0:1 EPERM
query_size 0:0:1:64 0:-2
version 0x40011 0 .7 EFAULT 4096
edge 0
memory 1 0 0 ESRCH EFAULT EPERM
none EPERM EPERM ENOTTY EFAULT
END
expect 0 "domain 0" "$gntsim" run --socket "$dir/s" "$@" -- "$calls"
quiet
diff "$dir/want" "$dir/out" || complain "domain 0 has other answers"
cat >"$dir/want" <<END
status unbound:0 virq:1 closed EINVAL EPERM ESRCH
alloc_unbound 0 unbound:4 EPERM
domctl EPERM EPERM ESRCH EINVAL EACCES EFAULT
sysctl EPERM EPERM EPERM EPERM
query_size 0:0:1:64 0:-2
version 0x40011 0 .7 EFAULT 4096
edge 0
memory 1 0 EPERM ESRCH EFAULT EPERM
none EPERM EPERM ENOTTY EFAULT
END
expect 0 "domain 3" "$gntsim" run --socket "$dir/s" "$@" --domain 3 -- "$calls"
quiet
diff "$dir/want" "$dir/out" || complain "domain 3 has other answers"
stop serve TERM
exit $failed
