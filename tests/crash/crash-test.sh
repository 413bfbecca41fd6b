#!/bin/sh
# crash-test.sh GNTSIM PROGRAMS CASES: each program with a mistake is found, where the case says "here", and of its mended
# twin nothing is; only at the device calls of who makes the mistake, and at four of the twin's, which takes a minute.
# ci/crash-all tries all.
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../cli/script.sh"
gntsim=$(realpath "$1") programs=$(realpath "$2") cases=$(realpath "$3")
limit=300
cd "$dir" || exit

# victim CASE: who makes the mistake's domain, which has "here" in its function.
victim() {
	awk 'BEGIN { d = 0 } /^int client/ { d = 1 } /^int server/ { d = 0 } /here \*\// { print "dom" d; exit }' "$cases/$1.c"
}

# as_told CASE PATTERN: what the case says of how it is run.
as_told() {
	sed -n "s|^ \*     \($2.*\)|\1|p" "$cases/$1.c"
}

# search CASE PROGRAM [POINTS [OPTION...]]: its output is in "out", its status in $got.
search() {
	case=$1 points=${3:-calls}
	command=$(as_told "$1" CASE)
	command=$(echo "${command:-CASE server ::: --domain 1 -- CASE client}" | sed "s|CASE|$programs/$2|g")
	shift $(($# < 3 ? $# : 3))
	got=0
	# shellcheck disable=SC2086,SC2046
	timeout -k 1 $limit "$gntsim" crash --points $points "$@" $(as_told "$case" --) --victim "$(victim "$case")" -- \
		--wait-for ready -- $command >out 2>err || got=$?
	grep 'points a second' out
}

# finds CASE LINE [POINTS]
finds() {
	search "$1" "$1" "$3"
	[ $got = 1 ] && grep -q 'FAILED  ' out && grep -qF "($1.c:$2)" out && return
	complain "$1: not found at line $2, status $got:"
	cat out err
}

n=0
for source in "$cases"/*.c; do
	case=$(basename "$source" .c)
	n=$((n + 1))
	echo "$case"
	points=calls
	# No call is near: there it is not found, and where the program is stopped at its stores it is.
	if [ "$case" = half-index ] || [ "$case" = half-word ]; then
		search "$case" "$case"
		[ $got = 0 ] || complain "$case: found at calls: $(cat out err)"
		points=stores
		if ! "$gntsim" run --points p --count-stores -- true 2>err; then
			echo "$case: not at stores: $(cat err)"
			continue
		fi
	fi
	finds "$case" "$(grep -n 'here \*/' "$source" | head -n 1 | cut -d: -f1)" $points
	search "$case" "$case-mended" "$points" --sample 4
	[ $got = 0 ] || {
		complain "$case-mended: status $got, not 0:"
		cat out err
	}
done
[ $n -ge 12 ] || complain "only $n cases"
[ $failed = 0 ]
