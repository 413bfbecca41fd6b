#!/bin/sh
# --privcmd: in a domain but 0 open, restricted as Linux does since XSA-482, or not there; a file that is
# restricted by itself; xenbus_backend, which is domain 0's.
# usage: privcmd-test.sh GNTSIM PRIVCMD FRONT...
gntsim=$(realpath "$1") privcmd=$(realpath "$2")
shift 2
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../cli/script.sh"
if [ "$2" != socket ] && ! "$gntsim" run "$@" -- true 2>"$dir/why"; then
	echo "skipped: $(cat "$dir/why")"
	exit 77
fi
# (Unassisted FUSE maps no foreign pages: a batch is unknown to it.)
batch='EPERM EINVAL'
[ "$*" != "--front fuse --assist=no" ] || batch='ENOTTY ENOTTY'
# FIRST SECOND...: what is said, and what of it is looked at
compare() {
	what=$1
	quiet
	diff "$dir/want" "$dir/out" || complain "$what: other answers"
}
for how in open restricted off; do
	cat >"$dir/want" <<END
open 0
version 262161 bad EFAULT
restrict 0 EINVAL 0 version EPERM
batch $batch
backend 0
port yes setup EEXIST other ENOTTY
END
	expect 0 "domain 0, $how" "$gntsim" run --privcmd $how "$@" -- "$privcmd"
	compare "domain 0, $how"
	case $how in
	open) grep -v '^port\|^backend' "$dir/want" >"$dir/some" ;;
	restricted)
		cat >"$dir/some" <<END
open 0
version EPERM bad EFAULT
restrict EINVAL EINVAL EINVAL version EPERM
batch $(echo "$batch" | sed s/EINVAL/EPERM/)
END
		;;
	off) echo open ENOENT >"$dir/some" ;;
	esac
	{ cat "$dir/some"; echo backend ENOENT; } >"$dir/want"
	expect 0 "domain 3, $how" "$gntsim" run --privcmd $how "$@" --domain 3 -- "$privcmd"
	compare "domain 3, $how"
done
expect 125 "another word" "$gntsim" run --privcmd maybe -- true
says err "expected open, restricted or off, found 'maybe'"
exit $failed
