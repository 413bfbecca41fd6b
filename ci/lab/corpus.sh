# shellcheck shell=bash disable=SC2154 # lab_* come from ci/xen-lab
# The scenarios on the legs: `gntsim play` boots what it needs through the lab, leg by leg.

lab_corpus_limit=3600 # seconds for a leg on one kernel

lab_play() { # LEG SERIES
	if [ "$1" = cuse ]; then
		"$lab_self" cuse --kernel "$2" --build "$lab_build" --timeout "$lab_corpus_limit"
	else
		GNTSIM_XEN_LAB=$lab_self "$lab_gntsim" play --on xen --leg "$1" --kernel "$2" \
			--time-limit "$lab_corpus_limit" --tap "$lab_directory/scenarios"
	fi
}

# What did not pass goes to standard output, all of it to a file; then a line of totals.
lab_play_leg() { # LEG SERIES
	local tap=$lab_cache/log/corpus-$1-$2.tap status=0 began=$SECONDS totals
	lab_play "$1" "$2" >"$tap" || status=$?
	awk '/^(ok|#|1\.\.)/ { shown = 0 } /^not ok/ { shown = 1 } shown' "$tap"
	totals=$(sed -n 's/^# \([0-9]* passed\)/\1/p' "$tap" | tail -n 1)
	if [ "$status" = 77 ]; then
		totals="skipped: $(sed -n 's/^1\.\.0 # SKIP //p' "$tap")"
		status=0
	fi
	echo "$1, Linux $2: ${totals:-no totals (status $status)}, $((SECONDS - began)) s ($tap)"
	return "$status"
}

corpus() { # [--kernel SERIES] [LEG]...
	local root=$lab_pieces/../.. kernels='6.1 6.12' leg series status=0
	lab_build=$(readlink -f "${GNTSIM_BUILD:-$root/build}")
	lab_gntsim=$lab_build/gntsim
	[ -x "$lab_gntsim" ] ||
		lab_fail "no $lab_gntsim: meson setup build && ninja -C build, or set GNTSIM_BUILD"
	if [ "${1-}" = --kernel ]; then
		kernels=${2?}
		shift 2
	fi
	[ $# -gt 0 ] || set -- pv
	for leg; do
		lab_check_leg "$leg"
	done
	lab_prepare
	cp -r "$root/scenarios" "$lab_directory/scenarios"
	for leg; do
		for series in $kernels; do
			lab_play_leg "$leg" "$series" || status=1
		done
	done
	return "$status"
}

all() {
	corpus "$@" pv pv+pvh pv+pv cuse
}
