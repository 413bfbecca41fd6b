# shellcheck shell=bash disable=SC2154,SC2034 # lab_* come from and go to ci/xen-lab
# The matrix: the corpus and random calls (gntsim conform) on each cell, which is a leg on a kernel on a
# hypervisor with a security module. A cell's directory in the state has its reports and a file `result`,
# lines "KEY VALUE"; it gets its name when all is there, so that a cell killed in the middle is begun again.

lab_matrix_kernels=(newest 5.10 6.18 6.12 6.1)
lab_matrix_patience=900 # seconds for a scenario: a machine that is busy is no hang

# Pairs of a kernel and a Xen, those first that differ most from each other: each kernel and each Xen is
# among the first five.
lab_matrix_pairs() {
	local kernel xen
	{
		printf '%s\n' 'newest 4.20' '5.10 4.14' '6.18 4.20' '6.12 4.17' '6.1 4.17'
		for xen in 4.20 4.14 4.17; do
			for kernel in "${lab_matrix_kernels[@]}"; do
				echo "$kernel $xen"
			done
		done
	} | awk '!seen[$0]++'
}

# The names of all cells, a line each: LEG-KERNEL-xenXEN, and -XSM where there is a choice.
lab_matrix_cells() {
	local kernel xen leg
	lab_matrix_pairs | while read -r kernel xen; do
		for leg in "${lab_all_legs[@]}"; do
			case $leg-$xen in
			cuse-* | arm64*-4.14) ;;
			arm64*) printf "$leg-$kernel-xen$xen-%s\n" silo dummy ;;
			*) echo "$leg-$kernel-xen$xen" ;;
			esac
		done
	done
}

# Leaves a cell's leg in $lab_matrix_leg and the other options in the array lab_matrix_options; 1: it is none.
lab_matrix_parse() { # CELL
	local leg rest
	for leg in "${lab_all_legs[@]}"; do
		rest=${1#"$leg-"}
		[[ $leg != cuse && $rest != "$1" ]] || continue
		[[ $rest =~ ^([0-9]+\.[0-9]+(\.[0-9]+)?|newest)-xen([0-9]+\.[0-9]+)(-(dummy|silo))?$ ]] || continue
		lab_matrix_leg=$leg
		lab_matrix_options=(--kernel "${BASH_REMATCH[1]}" --xen "${BASH_REMATCH[3]}")
		[ -z "${BASH_REMATCH[5]}" ] || lab_matrix_options+=(--xsm "${BASH_REMATCH[5]}")
		return 0
	done
	return 1
}

# Those of all cells that a word names (a pattern as the shell's), or one of its own, a line each.
lab_matrix_named() { # WORD...
	local word cell found
	for word; do
		found=
		while read -r cell; do
			# shellcheck disable=SC2254
			case $cell in
			$word) echo "$cell" && found=yes ;;
			esac
		done < <(lab_matrix_cells)
		[ -z "$found" ] || continue
		lab_matrix_parse "$word" || lab_fail "no cell '$word': see ci/xen-lab matrix --list"
		echo "$word"
	done | awk '!seen[$0]++'
}

# The Kth, the K+Nth ... of each leg's cells, in their order. Where a leg's cells end the next one's begin, so
# that all runners have as many.
lab_matrix_shard() { # K N
	awk -v k="$1" -v n="$2" '
		{ leg = $0; sub(/-[^-]*-xen.*/, "", leg)
		  if (!(leg in legs)) { legs[leg] = ++n_legs }
		  line[NR] = $0; of[NR] = legs[leg]; size[legs[leg]]++ }
		END {
			for (i = 1; i <= n_legs; i++) { at[i] = before; before += size[i] }
			for (i = 1; i <= NR; i++) { if (at[of[i]]++ % n == k - 1) print line[i] }
		}'
}

# What the newest kernel is today is in the cell's name.
lab_matrix_name_newest() {
	local cell arch version
	local -A newest=()
	while read -r cell; do
		if [[ $cell = *-newest-* ]]; then
			lab_matrix_parse "$cell"
			arch=$(lab_architecture "$lab_matrix_leg")
			if [ -z "${newest[$arch]:-}" ]; then
				version=$("$lab_matrix_lab" describe "$lab_matrix_leg" "${lab_matrix_options[@]}" </dev/null |
					sed -nE 's/^kernel ([0-9]+\.[0-9]+).*/\1/p') || true
				[ "$version" ] || lab_fail "which kernel is the newest for $arch can't be found out"
				newest[$arch]=$version
			fi
			cell=${cell/-newest-/-${newest[$arch]}-}
		fi
		echo "$cell"
	done | awk '!seen[$0]++'
}

# What a result is a result of: the model, the language and the corpus, and which random calls.
lab_matrix_subject() {
	local root=$lab_pieces/../..
	echo "$(cd "$root" && find sim include scenarios -type f \( -name '*.[ch]' -o -name '*.scn' \) -print0 |
		LC_ALL=C sort -z | xargs -0 cat | md5sum | cut -c1-12)-$lab_matrix_ops-$lab_matrix_seed"
}

# What the model answers to a cell's random calls, as a digest. Where that is what it was when the cell was played,
# what the real ones answered then is what the model says now, whatever has become of it since.
lab_matrix_answers() { # RESULT-FILE SEQUENCES
	local directory cell kernel
	cell=$(lab_matrix_get cell "$1") kernel=$(lab_matrix_get kernel "$1")
	lab_matrix_parse "$cell"
	directory=$(mktemp -d)
	if "$lab_gntsim" fuzz --against "xen:$lab_matrix_leg" "${lab_matrix_options[@]}" --kernel "$kernel" \
		--seed "$(lab_matrix_get seed "$1")" --count "$2" \
		--write "$directory" </dev/null >/dev/null 2>"$directory.log"; then
		(cd "$directory" && printf '%s\n' *.scn | LC_ALL=C sort -V | xargs cat | md5sum | cut -c1-16)
	else
		lab_say "$cell: $(tail -n 1 "$directory.log")"
	fi
	rm -rf "$directory" "$directory.log"
}

lab_matrix_get() { # KEY RESULT-FILE
	sed -n "s/^$1 //p" "$2" 2>/dev/null
}

lab_matrix_is_done() { # CELL
	local result=$lab_matrix_state/$1/result
	[ -e "$result" ] && [ "$(lab_matrix_get subject "$result")" = "$lab_matrix_subject" ] &&
		[ "$(lab_matrix_get status "$result")" != "$lab_status_failure" ]
}

# What gntsim conform said of one leg, as lines of a result.
lab_matrix_count() { # DIRECTORY
	sed -nE 's/^[^ ]*: ([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped, ([0-9]+) errors$/passed \1\nfailed \2\nskipped \3\nerrors \4/p' \
		"$1/said"
	sed -nE 's/.*# ([0-9]+) calls in ([0-9]+) sequences, seed ([0-9]+): ([0-9]+) differences.*/calls \1\nsequences \2\nseed \3\ndifferences \4/p' \
		"$1/report.ktap" 2>/dev/null ||
		true # it got no further
}

# Adds to a result what the model answers, which is what it answered then as long as it is the same model.
lab_matrix_note_answers() { # RESULT-FILE
	local sequences answers
	sequences=$(lab_matrix_get sequences "$1")
	[ "$sequences" ] || return 0
	answers=$(lab_matrix_answers "$1" "$sequences")
	[ -z "$answers" ] || echo "answers $answers" >>"$1"
}

# Ends what it started if it is ended itself.
lab_matrix_conform() { # CELL DIRECTORY
	local seed status=0
	seed=$((($(echo "$1" | cksum | cut -d' ' -f1) + lab_matrix_seed) % 1000000000))
	GNTSIM_XEN_LAB=$lab_matrix_lab "$lab_gntsim" conform -o "$2" --ops "$lab_matrix_ops" --seed $seed \
		--patience "$lab_matrix_patience" --time-limit 86400 \
		"${lab_matrix_options[@]}" "$lab_matrix_leg" </dev/null >"$2/said" 2>>"$2/log" &
	lab_child=$!
	wait $lab_child || status=$?
	lab_child=
	if [ $status -gt 1 ]; then
		[ -s "$2/log" ] || echo "gntsim conform ended with status $status" >"$2/log"
		status=$lab_status_failure
	fi
	return "$status"
}

lab_matrix_play() { # CELL
	local part=$lab_matrix_state/$1.part guest='' status=0 began=$SECONDS ours
	ours=$(cat "$part/guest" 2>/dev/null) || true # of a run that was ended in the middle
	rm -rf "$part"
	mkdir "$part"
	: >"$part/said"
	lab_matrix_parse "$1"
	if "$lab_matrix_lab" describe "$lab_matrix_leg" "${lab_matrix_options[@]}" </dev/null >"$part/booted" 2>"$part/log"; then
		guest=$(lab_matrix_get guest "$part/booted")
		[ ! -e "$guest" ] || [ "$guest" = "$ours" ] || guest=
		echo "$guest" >"$part/guest"
		lab_matrix_conform "$1" "$part" || status=$?
	else
		status=$lab_status_failure
	fi
	# Guests that are frozen for one cell would fill the disk.
	[ -z "$guest" ] || rm -rf "$guest"
	{
		printf 'cell %s\nleg %s\nsubject %s\nstatus %s\n' "$1" "$lab_matrix_leg" "$lab_matrix_subject" "$status"
		sed -n '/^\(kernel\|arch\|xen\|xsm\) /p' "$part/booted"
		echo "hypervisor ${lab_matrix_options[3]}"
		lab_matrix_count "$part"
		[ "$status" != "$lab_status_failure" ] || echo "why $(tail -n 1 "$part/log")"
		echo "seconds $((SECONDS - began))"
	} >"$part/result"
	lab_matrix_note_answers "$part/result"
	rm -rf "${lab_matrix_state:?}/$1"
	mv "$part" "$lab_matrix_state/$1"
}

# The results in these states, a line each, the oldest first.
lab_matrix_results() { # STATE...
	local state results=()
	for state; do
		[ -d "$state" ] || lab_fail "no directory $state"
		mapfile -t -O ${#results[@]} results < <(compgen -G "$state/*/result" | grep -v '\.part/result$')
	done
	[ ${#results[@]} -gt 0 ] || lab_fail "no cell is done in $*"
	ls -tr "${results[@]}"
}

# The table of all results in these states; of a cell that is in two of them, the one that has a verdict, and
# of two verdicts the later. Status 1 if something differs, or 125 if nothing does and there is no verdict.
lab_matrix_table() { # STATE...
	local results
	results=$(lab_matrix_results "$@")
	mapfile -t results <<<"$results"
	awk -v json="$lab_matrix_json" -f "$lab_pieces/matrix.awk" "${results[@]}"
}

# Whether the model answers today as it did when the cells were played; status 1 if not in each.
lab_matrix_check() { # STATE...
	local results result cell expected found said='' status=0 same=0 calls=0
	results=$(lab_matrix_results "$@")
	mapfile -t results <<<"$results"
	for result in "${results[@]}"; do
		cell=$(lab_matrix_get cell "$result")
		expected=$(lab_matrix_get answers "$result")
		found=
		if [ -z "$expected" ]; then
			said="no answers are noted"
		else
			found=$(lab_matrix_answers "$result" "$(lab_matrix_get sequences "$result")")
			said="the model answers otherwise now"
		fi
		if [ "$expected" ] && [ "$found" = "$expected" ]; then
			same=$((same + 1)) calls=$((calls + $(lab_matrix_get calls "$result")))
		else
			echo "$cell: $said"
			status=1
		fi
	done
	echo "$same of ${#results[@]} cells: $calls calls that the model answers as when they were played"
	return $status
}

lab_matrix_list() {
	local cell
	for cell in "${lab_matrix_todo[@]}"; do
		if lab_matrix_is_done "$cell"; then echo "$cell done"; else echo "$cell"; fi
	done
}

lab_matrix_run() {
	local cell number=0
	mkdir -p "$lab_matrix_state"
	exec 5>>"$lab_matrix_state/lock"
	flock -n 5 || lab_fail "another run is at work in $lab_matrix_state"
	for cell in "${lab_matrix_todo[@]}"; do
		number=$((number + 1))
		if lab_matrix_is_done "$cell"; then
			lab_say "matrix: $cell: done before"
		elif [ "$lab_matrix_limit" ] && [ $SECONDS -ge "$lab_matrix_limit" ]; then
			lab_say "matrix: $cell: not begun: the time was up"
		else
			lab_say "matrix: $cell ($number of ${#lab_matrix_todo[@]})"
			lab_matrix_play "$cell"
		fi
	done
	lab_matrix_table "$lab_matrix_state" || return
	for cell in "${lab_matrix_todo[@]}"; do
		lab_matrix_is_done "$cell" || return "$lab_status_failure"
	done
}

lab_matrix_number() { # OPTION VALUE
	[[ $2 =~ ^[0-9]{1,9}$ ]] || lab_wrong_option "$1" "a number" "$2"
}

matrix() { # [OPTION]... [CELL]...
	local words=() list='' merge='' check='' shard='' cells
	lab_matrix_state=$lab_cache/matrix lab_matrix_ops=20000 lab_matrix_seed=1 lab_matrix_limit='' lab_matrix_json=''
	lab_matrix_lab=${GNTSIM_XEN_LAB:-$lab_self}
	while [ $# -gt 0 ]; do
		case $1 in
		--list) list=yes && shift && continue ;;
		--merge) merge=yes && shift && continue ;;
		--check) check=yes && shift && continue ;;
		--state | --shard | --ops | --seed | --time-limit | --json) lab_need_value "$@" ;;
		-*) lab_fail "no option '$1': see ci/xen-lab --help" ;;
		*) words+=("$1") && shift && continue ;;
		esac
		case $1 in
		--state) lab_matrix_state=$2 ;;
		--json) lab_matrix_json=$2 ;;
		--shard)
			if ! [[ $2 =~ ^([1-9][0-9]{0,3})/([1-9][0-9]{0,3})$ ]] || [ "${BASH_REMATCH[1]}" -gt "${BASH_REMATCH[2]}" ]; then
				lab_wrong_option "$1" "K/N, such as 2/3" "$2"
			fi
			shard=$2
			;;
		--ops) lab_matrix_number "$@" && lab_matrix_ops=$((10#$2)) ;;
		--seed) lab_matrix_number "$@" && lab_matrix_seed=$((10#$2)) ;;
		--time-limit) lab_matrix_number "$@" && lab_matrix_limit=$((10#$2)) ;;
		esac
		shift 2
	done
	if [ "$merge" ]; then
		[ ${#words[@]} -gt 0 ] || lab_fail "--merge: of which states?"
		lab_matrix_table "${words[@]}"
		return
	fi
	if [ "$check" ]; then
		[ ${#words[@]} -gt 0 ] || lab_fail "--check: which states?"
		lab_find_gntsim
		lab_matrix_check "${words[@]}"
		return
	fi
	[ ${#words[@]} -gt 0 ] || words=('*')
	cells=$(lab_matrix_named "${words[@]}")
	[ -z "$shard" ] || cells=$(lab_matrix_shard "${shard%/*}" "${shard#*/}" <<<"$cells")
	[ -n "$list" ] || cells=$(lab_matrix_name_newest <<<"$cells")
	mapfile -t lab_matrix_todo <<<"$cells"
	lab_matrix_subject=$(lab_matrix_subject)
	if [ "$list" ]; then
		lab_matrix_list
		return
	fi
	lab_find_gntsim
	trap 'lab_matrix_stop; exit 130' INT
	trap 'lab_matrix_stop; exit 143' TERM
	lab_matrix_run
}

lab_matrix_stop() {
	[ -z "$lab_child" ] || ! kill "$lab_child" 2>/dev/null || wait "$lab_child" || true
}
