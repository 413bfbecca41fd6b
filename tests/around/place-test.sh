#!/bin/sh
# What stands around the devices: the nodes as files, /dev/xen as a directory, /proc/xen and /sys, in two
# domains; a parameter that is written has its effect, in its domain alone.
# usage: place-test.sh GNTSIM PLACE FRONT
set -u
gntsim=$(realpath "$1") place=$(realpath "$2") front=$3
dir=$(mktemp -d)
served=
# shellcheck disable=SC2329
finish() {
	[ -z "$served" ] || kill "$served" 2>/dev/null
	wait
	rm -rf "$dir"
}
trap finish EXIT
cd "$dir" || exit
failed=0
if ! "$gntsim" run --front "$front" -- true 2>why; then
	echo "skipped: no $front front here: $(cat why)"
	exit 77
fi
run() {
	domain=$1
	shift
	timeout 60 "$gntsim" run --socket machine --front "$front" --domain "$domain" -- "$@"
}
check() {
	what=$1
	shift
	"$@" >out 2>&1 || {
		failed=1
		echo "$front, $what:"
		cat out
	}
}
mkfifo ready
"$gntsim" serve --socket machine >ready &
served=$!
read -r line <ready
[ "${line#gntsim: serving }" != "$line" ] || { echo "serve said '$line'"; exit 1; }
parameter=/sys/module/xen_gntalloc/parameters/limit
for domain in 0 3; do
	# (CUSE has the three devices alone.)
	[ "$front" = cuse ] || check "nodes in domain $domain" run $domain "$place" nodes
	check "texts in domain $domain" run $domain "$place" texts $domain
done
check "unwritten limit" run 3 "$place" limit 8
check "written limit" run 3 sh -c 'read -r n <"$1" && [ "$n" = 1024 ] && echo 5 >"$1" && read -r n <"$1" && [ "$n" = 5 ]' sh $parameter
check "written limit's effect" run 3 "$place" limit 5
check "another domain's" run 0 "$place" limit 8
check "limits" run 3 "$place" limits
check "maps" run 3 "$place" maps
check "ls -l" run 0 ls -l /dev/xen /proc/xen /sys/hypervisor/version
grep -q '^crw-------.* 10, .* gntdev$' out && ! grep -q 'No such' out || {
	failed=1
	echo "$front: ls -l shows no device:"
	cat out
}
kill "$served"
wait "$served"
served=
# Nothing of the tree that was listed is left.
left=$(find . -name 'machine*')
[ -z "$left" ] || { failed=1; echo "left behind: $left"; }
exit $failed
