#!/bin/sh
# exit-status-test.sh GNTSIM USE-DEVICES MAN: every exit status that a page of the manual lists is
# one that its command can be brought to, and those it is brought to are listed.
set -eu
gntsim=$(realpath "$1") use=$(realpath "$2") man=$(realpath "$3")
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill $server 2>/dev/null; wait; rm -rf "$dir"' EXIT
cd "$dir"
failed=0

# ends PAGE STATUS [-AS LISTED] COMMAND...: the command ends so, and the page lists it, as LISTED.
ends() {
	page=$1 want=$2 listed=$2
	shift 2
	if [ "$1" = -as ]; then
		listed=$2
		shift 2
	fi
	status=0
	timeout 60 "$@" >out 2>&1 </dev/null || status=$?
	echo "$page $listed" >>brought
	[ $status = "$want" ] && return
	failed=1
	echo "FAILED: $*: status $status, not $want:"
	sed 's/^/    /' out
}

printf 'domain dom0\nprocess A in dom0\nA: ga = open("/dev/xen/gntalloc", O_RDWR)\n' >passes.scn
sed '$s/$/ = -1 EIO/' passes.scn >fails.scn
sed '1s/^/needs mapped_copy\n/' passes.scn >needs.scn
echo bogus >wrong.scn
: >no-program
mkdir empty

ends gntsim-run 7 -as program "$gntsim" run -- sh -c 'exit 7'
ends gntsim-run 137 -as '128 + N' "$gntsim" run -- sh -c 'kill -KILL $$'
ends gntsim-run 0 -as program "$gntsim" run --leaks=error -- true
ends gntsim-run 1 "$gntsim" run --leaks=error -- "$use" forget
ends gntsim-run 124 "$gntsim" run --hang 50ms -- sleep 1000
ends gntsim-run 123 "$gntsim" run --kill-at call:99 -- "$use" clean
ends gntsim-run 125 "$gntsim" run --socket "$dir/nowhere" -- true
ends gntsim-run 125 "$gntsim" run --bogus
ends gntsim-run 126 "$gntsim" run -- ./no-program
ends gntsim-run 127 "$gntsim" run -- ./nowhere

"$gntsim" serve --socket machine >served &
server=$!
until [ -s served ]; do sleep 0.02; done
ends gntsim-status 0 "$gntsim" status --socket machine
ends gntsim-status 125 "$gntsim" status --socket nowhere
ends gntsim-control 0 "$gntsim" control --socket machine create 1
ends gntsim-control 125 "$gntsim" control --socket machine destroy 2
ends gntsim-serve 125 "$gntsim" serve --socket machine
kill $server
status=0
wait $server || status=$?
server=
ends gntsim-serve 0 sh -c "exit $status"
: >served
"$gntsim" serve --socket machine --leaks=error >served 2>/dev/null &
server=$!
until [ -s served ]; do sleep 0.02; done
"$gntsim" run --socket machine -- "$use" forget
kill $server
status=0
wait $server || status=$?
server=
ends gntsim-serve 1 sh -c "exit $status"

"$gntsim" run --trace trace --trace-format json -- "$use" clean
ends gntsim-timeline 0 "$gntsim" timeline trace -o trace.svg
ends gntsim-timeline 125 "$gntsim" timeline nowhere -o trace.svg

ends gntsim-play 0 "$gntsim" play passes.scn
ends gntsim-play 1 "$gntsim" play fails.scn
ends gntsim-play 125 "$gntsim" play wrong.scn
ends gntsim-play 125 "$gntsim" play empty
ends gntsim-play 77 "$gntsim" play --on fuse-unassisted needs.scn
ends gntsim-play 77 env GNTSIM_XEN_LAB=/nowhere "$gntsim" play --on xen passes.scn

{
	sed -n '/^domain/p;/^process/p' passes.scn
	printf 'process other in dom0\nprocess third in dom0\nparallel {\n'
	printf 'other: a = open("/dev/xen/evtchn", O_RDWR)\nthird: b = open("/dev/xen/evtchn", O_RDWR)\n}\n'
} >orders.scn
ends gntsim-explore 0 "$gntsim" explore orders.scn
ends gntsim-explore 2 "$gntsim" explore --limit 1 orders.scn
{
	sed '$d' orders.scn
	echo 'other: read(a, 4) = 4'
	echo '}'
} >hangs.scn
ends gntsim-explore 1 "$gntsim" explore --limit 1 hangs.scn
ends gntsim-explore 125 "$gntsim" explore passes.scn

ends gntsim-fuzz 0 "$gntsim" fuzz --ops 100
ends gntsim-fuzz 1 "$gntsim" fuzz --ops 100000 --max 1 --against-kernel 6.12
ends gntsim-fuzz 125 "$gntsim" fuzz --bogus
# A judge that could not play is no difference.
for limit in "-n 16" "-f 100"; do
	mkdir cases
	ends gntsim-fuzz 125 sh -c "ulimit $limit"' && exec "$0" fuzz --against socket --ops 100 --write cases' "$gntsim"
	! grep -q differs out && grep -q ' 0 differences' out && grep -q 'could not be played' out || {
		failed=1
		echo "FAILED: ulimit $limit: $(cat out)"
	}
	rmdir cases || failed=1
done

ends gntsim-new-scenario 0 "$gntsim" new-scenario new
ends gntsim-new-scenario 125 "$gntsim" new-scenario new

# The pages.
for page in run serve status control timeline play explore fuzz new-scenario; do
	page=gntsim-$page
	sed -n '/^\.Sh EXIT STATUS/,/^\.Sh [^E]/p' "$man/$page.1" |
		sed -n "s/^\.It \(Em \)\{0,1\}/$page /p"
done | sort -u >listed
sort -u brought >tried
if ! diff listed tried >differ; then
	failed=1
	echo "FAILED: listed in the manual (<), brought about here (>):"
	cat differ
fi
exit $failed
