#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2015 # fail() is no alternative to a test that holds
# ci/xen-lab matrix with a lab and a gntsim that only say they were ones: which cells there are, what is done
# again and what is not, and what of them is in the table.
set -eu
cd "$(dirname "$0")/../.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/build" "$dir/frozen"
export GNTSIM_LAB_CACHE=$dir/cache GNTSIM_BUILD=$dir/build GNTSIM_XEN_LAB=$dir/lab TMPDIR=$dir FAKE=$dir
failed=0
fail() {
	failed=1
	echo "FAILED: $*"
	cat "$dir/out" "$dir/err" 2>/dev/null || true
}

cat >"$dir/lab" <<'END'
#!/bin/sh
[ "$1" = describe ]
[ "$4" != 9.9 ] || { echo "xen-lab: Debian has no kernel 9.9" >&2 && exit 125; }
[ "$4" != newest ] || set -- "$1" "$2" "$3" 7.3
echo "kernel $4.99"
echo "arch amd64"
echo "xen $6"
[ $# -le 6 ] || echo "xsm $8"
echo "guest $FAKE/frozen/$2-$4"
END
# Freezes a guest; in a cell that $FAKE/slow names it tells that it has begun, and waits.
cat >"$dir/build/gntsim" <<'END'
#!/bin/bash
# The model's answers to the random calls of a cell.
if [ "$1" = fuzz ]; then
	while [ $# -gt 1 ]; do
		case $1 in
		--against | --kernel | --seed) called+=" $2" ;;
		--count) count=$2 ;;
		--write) directory=$2 ;;
		esac
		shift
	done
	for ((i = 0; i < count; i++)); do
		echo "$(cat "$FAKE/model" 2>/dev/null) $called $i" >"$directory/fuzz-$i.scn"
	done
	exit
fi
[ "$1 $2" = "conform -o" ]
for leg; do
	[ "${before:-}" != --kernel ] || kernel=$leg
	before=$leg
done
echo "$*" >>"$FAKE/played"
mkdir -p "$FAKE/frozen/$leg-$kernel"
if [ "$(cat "$FAKE/slow" 2>/dev/null)" = "$leg" ]; then
	echo $$ >"$FAKE/begun"
	exec sleep 600
fi
case $leg in
pv+pv) echo "$leg: 90 passed, 2 failed, 8 skipped, 0 errors" && status=1 ;;
arm64) exit 139 ;;
*) echo "$leg: 92 passed, 0 failed, 8 skipped, 0 errors" && status=0 ;;
esac
echo '  # 20010 calls in 300 sequences, seed 1: 0 differences; 9 calls/s generated' >"$3/report.ktap"
exit $status
END
chmod 755 "$dir/lab" "$dir/build/gntsim"

matrix() { # STATUS ARGUMENT...
	local status=0 expected=$1
	shift
	timeout 60 ci/xen-lab matrix "$@" >"$dir/out" 2>"$dir/err" || status=$?
	[ $status = "$expected" ] || fail "matrix $*: status $status, expected $expected"
}
plays() { # N
	local n
	n=$(wc -l <"$dir/played")
	: >"$dir/played"
	[ "$n" = "$1" ] || fail "$n cells were played, expected $1"
}
says() { # WORDS...
	local words
	for words; do
		grep -qE -- "$words" "$dir/out" || fail "no '$words'"
	done
}
: >"$dir/played"

# Every cell once, in whatever number of shards.
matrix 0 --list
sort "$dir/out" >"$dir/all"
[ "$(sort -u "$dir/all" | wc -l)" = "$(wc -l <"$dir/all")" ] || fail "a cell twice"
for cell in pv-5.10-xen4.14 pv+pv-newest-xen4.20 pv+pvh-6.12-xen4.17 arm64-6.18-xen4.20-dummy arm64-6.1-xen4.17-silo; do
	grep -qxF "$cell" "$dir/all" || fail "no cell $cell"
done
! grep -E 'cuse|arm64.*4\.14' "$dir/all" || fail "a cell that there can't be"
for shard in 1/3 2/3 3/3; do
	matrix 0 --list --shard $shard
	cat "$dir/out" >>"$dir/shards"
	grep -c '^pv-' "$dir/out" >>"$dir/sizes"
done
sort "$dir/shards" | cmp - "$dir/all" || fail "the shards are not all cells"
[ "$(sort -u "$dir/sizes")" = 5 ] || fail "the shards have not as many: $(tr '\n' ' ' <"$dir/sizes")"

# What was done is not done again, in either shard; what the newest is is named.
matrix 0 --state "$dir/one" pv-6.1-xen4.17 'pv+pvh-*-xen4.20' --shard 1/2 --ops 20000
matrix 0 --state "$dir/two" pv-6.1-xen4.17 'pv+pvh-*-xen4.20' --shard 2/2 --ops 20000
plays 6
matrix 0 --state "$dir/one" pv-6.1-xen4.17 'pv+pvh-*-xen4.20' --shard 1/2 --json "$dir/json"
plays 0
says '^3 cells'
[ -z "$(ls "$dir/frozen")" ] || fail "frozen guests are left: $(ls "$dir/frozen")"
matrix 0 --merge --json "$dir/json" "$dir/one" "$dir/two"
says '^pv-6.1-xen4.17 +6.1.99 +4.17 +92 +0 +8 +0 +20010 +0 +[0-9]+ +conforms$' '^pv\+pvh-7.3-xen4.20 ' \
	'^6 cells +552 +0 +48 +0 +120060 +0 '
python3 - "$dir/json" <<'END' || fail "the JSON is not what the table is"
import json, sys
found = json.load(open(sys.argv[1]))
assert len(found["cells"]) == 6 and found["totals"]["calls"] == 120060
assert found["cells"][0]["cell"] == "pv-6.1-xen4.17" and found["cells"][0]["passed"] == 92
END
# What the model answers to those calls is noted: it may change in what nobody has asked.
matrix 0 --check "$dir/one" "$dir/two"
says '^6 of 6 cells: 120060 calls that the model answers as when they were played$'
echo other >"$dir/model"
matrix 1 --check "$dir/one" "$dir/two"
says '^pv-6.1-xen4.17: the model answers otherwise now$' '^0 of 6 cells: 0 calls '
rm "$dir/model"
sed -i /answers/d "$dir/one/pv-6.1-xen4.17/result"
matrix 1 --check "$dir/one"
says '^pv-6.1-xen4.17: no answers are noted$' '^2 of 3 cells: 40020 calls '
# A guest that was there before stays.
mkdir "$dir/frozen/pv-6.12"
matrix 0 --state "$dir/three" pv-6.12-xen4.17
plays 1
[ -e "$dir/frozen/pv-6.12" ] || fail "another's guest is gone"
# Other random calls are done.
matrix 0 --state "$dir/three" pv-6.12-xen4.17 --seed 2
plays 1
matrix 0 --state "$dir/three" pv-6.12-xen4.17 --seed 2
plays 0

# What differs, and what has no verdict, which is tried again.
matrix 1 --state "$dir/three" --seed 2 pv+pv-6.12-xen4.17 arm64-6.12-xen4.20-silo pv-9.9-xen4.17
says '^pv\+pv-6.12-xen4.17 .* differs$' '^arm64-6.12-xen4.20-silo .* silo .* no verdict$' \
	'^no verdict on arm64-6.12-xen4.20-silo: gntsim conform ended with status 139$' \
	'^no verdict on pv-9.9-xen4.17: xen-lab: Debian has no kernel 9.9$'
plays 2
matrix 1 --state "$dir/three" --seed 2 pv+pv-6.12-xen4.17 arm64-6.12-xen4.20-silo
plays 1
matrix 125 --state "$dir/four" arm64-6.12-xen4.20-silo
plays 1
matrix 125 --state "$dir/four" pv-6.12-xen4.17 --time-limit 0
plays 0
# One without a verdict takes the place of none that has one.
mkdir -p "$dir/five/pv-6.1-xen4.17"
printf 'cell pv-6.1-xen4.17\nstatus 125\nwhy no disk\n' >"$dir/five/pv-6.1-xen4.17/result"
matrix 0 --merge "$dir/one" "$dir/two" "$dir/five"
says '^pv-6.1-xen4.17 .* conforms$'

# One that is killed in the middle is begun again; meanwhile nobody else works there.
echo pv >"$dir/slow"
mkfifo "$dir/begun"
ci/xen-lab matrix --state "$dir/killed" pv+pvh-6.1-xen4.17 pv-6.1-xen4.17 >"$dir/out" 2>"$dir/err" &
run=$!
read -r child < <(timeout 60 cat "$dir/begun") || fail "no cell begins"
matrix 125 --state "$dir/killed" pv-6.1-xen4.17
grep -q 'another run is at work' "$dir/err" || fail "two runs at once"
kill -TERM $run
wait $run && fail "a run that was ended succeeds"
! kill -0 "$child" 2>/dev/null || fail "what it started lives on"
rm "$dir/slow"
plays 2
matrix 0 --state "$dir/killed" pv+pvh-6.1-xen4.17 pv-6.1-xen4.17
plays 1
says '^2 cells '
[ ! -e "$dir/killed/pv-6.1-xen4.17.part" ] || fail "half a cell is left"
[ "$(ls "$dir/frozen")" = pv-6.12 ] || fail "the guest of the run that was ended is left: $(ls "$dir/frozen")"

for wrong in '--shard 4/3' '--ops many' '--frob' 'pv-6.1' 'cuse-6.1-xen4.17' '--merge' '--check'; do
	# shellcheck disable=SC2086
	matrix 125 $wrong
	[ "$(wc -l <"$dir/err")" = 1 ] || fail "matrix $wrong"
done
plays 0
exit $failed
