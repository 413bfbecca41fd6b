#!/bin/sh
# record-test.sh GNTSIM: the demo's pair, Debian's vchan-socket-proxy in two domains over the real xenstored,
# is recorded; its server is killed; the script plays on the model and on real processes.
gntsim=$(realpath "$1")
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../cli/script.sh"

proxy=$(find /usr/lib/xen-4.*/bin -name vchan-socket-proxy 2>/dev/null | tail -n 1)
if [ -z "$proxy" ] || [ ! -e "${proxy%/*}/xenstored" ]; then
	echo "skipped: no vchan-socket-proxy or xenstored (package xen-utils-4.17)"
	exit 77
fi
what="the demo's pair"
start serve "$gntsim" serve --socket "$dir/s" --xenstore --record "$dir/it.scn"
mkfifo "$dir/input" "$dir/output" "$dir/silence"
exec 5<>"$dir/silence"
"$gntsim" run --socket "$dir/s" --domain 0 -- "$proxy" --mode server 1 /local/domain/0/data/vchan/it - <&5 >"$dir/output" &
server=$!
echo $server >"$dir/server.pid"
"$gntsim" run --socket "$dir/s" --domain 1 -- "$proxy" --mode client 0 /local/domain/0/data/vchan/it - <"$dir/input" >/dev/null &
client=$!
echo $client >"$dir/client.pid"
exec 3>"$dir/input" 4<"$dir/output"
echo "through the vchan" >&3
read -r said <&4
[ "$said" = "through the vchan" ] || complain "$what: '$said' came"
kill -9 $server
wait $client
rm "$dir/server.pid" "$dir/client.pid"
stop serve TERM
[ "$got" = 0 ] || complain "$what: serve ended with $got"
while IFS= read -r line; do
	grep -qF -e "$line" "$dir/it.scn" || complain "$what: no line '$line'"
done <<'END'
process vchan_socket_pr_dom0 in dom0
process vchan_socket_pr_dom1 in dom1
kill -9 vchan_socket_pr_dom0
vchan_socket_pr_dom1: load(mapped_ring+21, 1) = 0
END
# Who stored it is known unless the other ran, too, since the last call of either; then both are named.
grep -qF 'vchan_socket_pr_dom1: store(mapped_ring+1024, "through the vchan\n")' "$dir/it.scn" ||
	grep -qF 'vchan_socket_pr_dom0: store(ring+1024, "through the vchan\n")    # or by vchan_socket_pr_dom1: both ran' "$dir/it.scn" ||
	complain "$what: the message is not in it"
grep -q xenstored "$dir/it.scn" && complain "$what: xenstored is in it"
for on in model socket; do
	expect 0 "played on $on" "$gntsim" play --on $on "$dir/it.scn"
	says out "passed  $dir/it.scn"
done
[ $failed = 0 ] || cat "$dir/it.scn"
[ $failed = 0 ]
