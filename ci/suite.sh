# shellcheck shell=sh disable=SC2154 # passed, failed, skipped and logs come from ci/test
# Sourced by ci/test: meson's tests as part of what it counts.

# again JSON BUILD LOG: do the few that failed pass twice, each with nothing beside it? A machine that others load is no
# fault of theirs; that they failed is said all the same, with what they said.
again() {
	ci/failed.py --names "$1" >"$3.names"
	tr '\n' '\0' <"$3.names" |
		xargs -0 meson test -C "$2" --no-rebuild --num-processes 1 --repeat 2 >"$3.again" 2>&1 && again=yes
}

# suite NAME BUILD ARGS...: meson tests, counted one by one.
suite() {
	name=$1 dir=$2
	shift 2
	log=$logs/$(echo "$name" | tr ' /' '__').log
	rm -f "$dir"/meson-logs/testlog*.json
	status=0 start=$(date +%s)
	# What the tests need is built if it is not: all of build/, a part of other trees.
	meson test -C "$dir" --print-errorlogs "$@" >"$log" 2>&1 || status=$?
	json=$(find "$dir/meson-logs" -name 'testlog*.json' | head -n 1)
	ok=$(grep -c '"result": "\(OK\|EXPECTEDFAIL\)"' "$json" 2>/dev/null || true)
	skip=$(grep -c '"result": "SKIP"' "$json" 2>/dev/null || true)
	all=$(grep -c '"result":' "$json" 2>/dev/null || true)
	not_to_be_skipped "$json" >"$log.skips"
	illegal=$(grep -c . "$log.skips" || true)
	skip=$((${skip:-0} - illegal))
	bad=$((${all:-0} - ${ok:-0} - skip)) again=
	[ "${all:-0}" -gt 0 ] || bad=1
	tail -n 150 "$log" >"$log.failed"
	if [ $bad != 0 ] && [ -e "$json" ]; then
		ci/failed.py "$json" >"$log.failed"
		if [ "$illegal" = 0 ] && [ $bad -le 3 ] && again "$json" "$dir" "$log"; then
			ok=$((ok + bad)) bad=0
		fi
	fi
	passed=$((passed + ${ok:-0})) failed=$((failed + bad)) skipped=$((skipped + skip))
	if [ $bad = 0 ]; then
		echo "ok      $name: ${ok:-0} passed, $skip skipped ($(($(date +%s) - start)) s)"
		grep -h ' SKIP ' "$log" | sed 's/^/        /' || true
		[ -z "$again" ] || { echo "        failed beside others, passed twice by themselves:" && sed 's/^/        /' "$log.failed"; }
	else
		echo "FAILED  $name: $bad of ${all:-0} (status $status)"
		[ "$illegal" = "$bad" ] || sed 's/^/        /' "$log.failed" | tail -n 150
		sed 's/^/        not to be skipped here: /' "$log.skips"
	fi
}
