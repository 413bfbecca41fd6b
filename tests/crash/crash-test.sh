#!/bin/sh
# crash-test.sh GNTSIM PROGRAMS CASES some|all: each program with a mistake is found, where the case says "here", and of its
# mended twin nothing is. "some": only at the device calls of who makes the mistake, which takes a minute; "all": of both.
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../cli/script.sh"
gntsim=$(realpath "$1") programs=$(realpath "$2") cases=$(realpath "$3") which=$4
limit=300
cd "$dir" || exit

# victim CASE: who makes the mistake's domain, which has "here" in its function.
victim() {
	awk '/^int client/ { d = 1 } /^int server/ { d = 0 } /here \*\// { print "dom" d; exit }' "$cases/$1.c"
}

# search STATUS CASE PROGRAM
search() {
	program=$programs/$3 wait='' third=''
	[ "$2" = page-reused ] && wait="--wait-for met" && third="::: --domain 1 -- $program client"
	[ "$which" = all ] || only="--victim $(victim "$2")"
	# shellcheck disable=SC2086
	expect "$1" "$3" "$gntsim" crash --hang 600 --points calls ${only-} -- --wait-for ready -- "$program" server ::: \
		--domain 1 $wait -- "$program" client $third
	grep 'points a second' out || true
}

n=0
for source in "$cases"/*.c; do
	case=$(basename "$source" .c)
	n=$((n + 1))
	echo "$case"
	search 1 "$case" "$case"
	says out "FAILED  "
	says out "($case.c:$(grep -n 'here \*/' "$source" | head -n 1 | cut -d: -f1))"
	search 0 "$case" "$case-mended"
done
[ $n -ge 12 ] || complain "only $n cases"
[ $failed = 0 ]
