# shellcheck shell=bash disable=SC2154 # lab_* come from ci/xen-lab
# The scenarios on the legs: `gntsim play` boots what it needs through the lab, leg by leg.

lab_corpus_limit=3600 # seconds for a leg on one kernel

lab_play() { # LEG
	if [ "$1" = cuse ]; then
		"$lab_self" cuse "${lab_cell_options[@]}" --build "$lab_build" --timeout "$lab_corpus_limit"
	else
		GNTSIM_XEN_LAB=$lab_self "$lab_gntsim" play --on xen --leg "$1" "${lab_cell_options[@]}" \
			--time-limit "$lab_corpus_limit" --tap "$lab_directory/scenarios"
	fi
}

# What did not pass goes to standard output, all of it to a file; then a line of totals.
lab_play_leg() { # LEG
	local status=0 began=$SECONDS totals words=${lab_cell_options[*]} tap
	words=${words//--/}
	tap=$lab_cache/log/corpus-$1-$(echo "$words" | tr -c 'a-zA-Z0-9.\n' -).tap
	lab_play "$1" >"$tap" || status=$?
	awk '/^(ok|#|1\.\.)/ { shown = 0 } /^not ok/ { shown = 1 } shown' "$tap"
	totals=$(sed -n 's/^# \([0-9]* passed\)/\1/p' "$tap" | tail -n 1)
	if [ "$status" = 77 ]; then
		totals="skipped: $(sed -n 's/^1\.\.0 # SKIP //p' "$tap")"
		status=0
	fi
	echo "$1, $words: ${totals:-no totals (status $status)}, $((SECONDS - began)) s ($tap)"
	return "$status"
}

lab_find_gntsim() {
	local root=$lab_pieces/../..
	lab_build=$(readlink -f "${GNTSIM_BUILD:-$root/build}")
	lab_gntsim=$lab_build/gntsim
	[ -x "$lab_gntsim" ] ||
		lab_fail "no $lab_gntsim: meson setup build && ninja -C build, or set GNTSIM_BUILD"
}

# Each leg, by default on both kernels that the model was made from.
lab_each_kernel() { # COMMAND LEG
	local series status=0
	if [ ${#lab_cell_options[@]} -gt 0 ]; then
		"$@"
		return
	fi
	for series in 6.1 6.12; do
		lab_take_option --kernel $series
		"$@" || status=$?
		lab_no_options
	done
	return "$status"
}

corpus() { # [OPTION]... [LEG]...
	local leg status=0
	lab_find_gntsim
	lab_take_options_and_legs "$@"
	[ ${#lab_legs[@]} -gt 0 ] || lab_legs=(pv)
	lab_prepare "${lab_legs[@]}"
	cp -r "$lab_pieces/../../scenarios" "$lab_directory/scenarios"
	for leg in "${lab_legs[@]}"; do
		lab_each_kernel lab_play_leg "$leg" || status=1
	done
	return "$status"
}

all() {
	corpus "$@" "${lab_all_legs[@]}"
}
