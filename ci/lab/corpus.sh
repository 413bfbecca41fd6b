# shellcheck shell=bash disable=SC2154 # lab_* come from ci/xen-lab
# The scenarios that one domain can play, on the real drivers. They share a guest, to be quick;
# one that fails there is played again in a guest of its own, and only that counts: some rules
# show on a fresh machine alone.

lab_play() { # SERIES SCENARIO...
	local series=$1
	shift
	"$lab_self" run pv --kernel "$series" --file "$lab_directory/scenarios=/lab/scenarios" -- \
		"$lab_player" --on device --tap "$@"
}

# The scenarios that have to be played alone: those that failed, or all if the shared guest came
# to no end.
lab_suspects() { # STATUS
	if [ "$1" = 1 ]; then
		sed -n 's/^not ok [0-9]* - \([^ ]*\).*/\1/p' "$lab_directory/tap" | sort -u
	else
		(cd "$lab_directory" && find scenarios -name '*.scn' | LC_ALL=C sort)
	fi
}

lab_play_corpus() { # SERIES
	local series=$1 status=0 scenario failed=0 alone=0
	lab_play "$series" scenarios >"$lab_directory/tap" || status=$?
	if [ "$status" != 0 ]; then
		while read -r scenario; do
			alone=$((alone + 1))
			lab_play "$series" "$scenario" >"$lab_directory/alone" </dev/null && continue
			failed=$((failed + 1))
			cat "$lab_directory/alone"
		done < <(lab_suspects "$status")
	fi
	echo "Linux $series: $(sed -n '$s/^# //p' "$lab_directory/tap"); played again alone: $alone, failed: $failed"
	return $((failed > 0))
}

corpus() { # [--kernel SERIES]
	local root=$lab_pieces/../.. kernels='6.1 6.12' series status=0
	lab_player=${GNTSIM_LAB_PLAYER:-$root/build/scenarios/gntsim-play-static}
	[ -x "$lab_player" ] ||
		lab_fail "no player $lab_player: meson setup build && ninja -C build, or set GNTSIM_LAB_PLAYER"
	case ${1-} in
	'') ;;
	--kernel) kernels=${2?} ;;
	*) lab_fail "corpus: no option '$1'" ;;
	esac
	lab_prepare
	mkdir "$lab_directory/scenarios"
	(cd "$root/scenarios" && cp -r conformance regressions examples "$lab_directory/scenarios")
	for series in $kernels; do
		lab_play_corpus "$series" || status=1
	done
	return "$status"
}
