#!/bin/sh
# fronts.sh [BUILD [FRONT[=FILE]...]]: plays the corpus on every front, or on these, and writes the
# table of gntsim-fronts(7), WHAT EACH FRONT CAN DO. CUSE is played in the lab; FILE has the output of a play
# already. A front that can't be had keeps its column.
# fronts.sh --check FRONT FILE: whether FRONT's column is what FILE says, the output of
# gntsim play --by-capability.
# fronts.sh --sums: whether the columns are of the same scenarios, as many in each, and wide enough. (CUSE
# is not played
# each time; nor may it be forgotten when the corpus grows.)
set -eu
cd "$(dirname "$0")/.."
page=man/gntsim-fronts.7
fronts='model socket ptrace fuse fuse-unassisted cuse'

# Prints "NEED PASSED/SKIPPED/FAILED" for each capability of a play's output, and for all. FILE may
# hold several plays, each of its own scenarios.
column() { # FILE
	awk 'function add(need, p, s, f) { passed[need] += p; skipped[need] += s; failed[need] += f }
		/^# [a-z_]*: [0-9]+ passed, / { sub(/:/, "", $2); add($2, $3, $7, $5 + $9) }
		/^# [0-9]+ passed, / { add("all", $2, $6, $4 + $8) }
		END { for (need in passed) print need, passed[need] "/" skipped[need] "/" failed[need] }' "$1"
}

# As the table has it: it is to fit 80 columns.
label() { # FRONT
	echo "${1#fuse-}"
}

# The same of the table.
written() { # FRONT
	awk -v front="$(label "$1")" '/^\.It Em need/ { for (i = 1; i <= NF; i++) if ($i == "Ta") { n++
				if ($(i + 1) == front) at = n } }
		/^\.\\" fronts: end/ { exit }
		at && /^\.It [^E]/ { split($0, cell, " Ta "); split(cell[1], name, " ")
			print name[2], cell[at + 1] }' "$page"
}

check() { # FRONT FILE
	written "$1" | grep -q . || {
		echo "# no column $1 in $page"
		return 1
	}
	written "$1" | grep -qv ' -$' || {
		echo "$page has no figures of $1 yet: run scenarios/fronts.sh"
		return 77
	}
	wrong=$(
		{
			written "$1" | sed 's/^/w /'
			column "$2" | sed 's/^/c /'
		} | awk '$1 == "w" { written[$2] = $3 } $1 == "c" { played[$2] = $3 }
			END { for (need in written) {
					if (!(need in played)) played[need] = "0/0/0"
					if (written[need] != played[need])
						print need ": " written[need] " in the table, " played[need] " played" } }' | sort
	)
	[ -z "$wrong" ] || {
		echo "$wrong" | sed "s/^/# $1: /"
		echo "# $page is not true any more (passed/skipped/failed): run scenarios/fronts.sh"
		return 1
	}
}

play() { # FRONT
	if [ "$1" = cuse ]; then
		ci/xen-lab cuse --build "$build"
	else
		"$build/gntsim" play scenarios --on "$1" --jobs 2 --doubt --by-capability
	fi
}

# What some front lacks.
lacking() {
	"$build/gntsim" play --capabilities | awk -v fronts=" $fronts " '
		NR == 1 { for (i = 1; i <= NF; i++) if (index(fronts, " " $i " ")) at[i + 1]; next }
		{ for (i in at) if ($i == "-") { print $1; next } }'
}

# The cell of a need that no scenario of a play had; "-" if nothing was ever played.
empty() { # FRONT
	[ -s "$dir/$1.column" ] && ! grep -q ' -$' "$dir/$1.column" && echo 0/0/0 || echo -
}

# The rows, from $dir/FRONT.column: all, and what scenarios need and some front lacks.
rows() {
	printf '.It Em need'
	for front in $fronts; do
		printf ' Ta %s' "$(label "$front")"
	done
	echo
	{
		echo all
		lacking
	} | while read -r need; do
		grep -q "^$need " "$dir/model.column" || continue
		printf '.It %s' "$need"
		for front in $fronts; do
			printf ' Ta %s' "$(sed -n "s/^$need //p" "$dir/$front.column" | grep . || empty "$front")"
		done
		echo
	done
}

sums() {
	for front in $fronts; do
		written "$front" | sed "s/^/$front /"
	done | awk '
		$3 == "-" { next }
		{ split($3, n, "/"); all = n[1] + n[2] + n[3]; seen = 1 }
		$1 == "model" { model[$2] = all; next }
		all != model[$2] { print "# " $1 ", " $2 ": " all " in the table, " model[$2] " on the model: run scenarios/fronts.sh"; wrong = 1 }
		END { exit wrong || !seen }'
}

# A cell that is wider than its column pushes the others out of theirs.
widths() {
	awk '/^\.Bl -column "maptrack_frames"/ { n = split($0, label, "\"")
			for (i = 2; i <= n; i += 2) width[i / 2] = length(label[i]) }
		/^\.\\" fronts: end/ { exit }
		/^\.\\" fronts: begin/ { inside = 1 }
		inside && /^\.It / { sub(/^\.It (Em )?/, ""); n = split($0, cell, " Ta ")
			for (i = 1; i <= n; i++) { cells++
				if (length(cell[i]) > width[i]) {
					print "# " cell[i] " is wider than its column: see .Bl -column above the table"
					wrong = 1 } } }
		END { exit wrong || !cells }' "$page"
}

if [ "${1-}" = --sums ]; then
	sums
	widths
	exit
fi
if [ "${1-}" = --check ]; then
	check "$2" "$3"
	exit
fi
build=$(readlink -f "${1:-build}")
[ $# = 0 ] || shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for front in $fronts; do
	source=play
	[ $# = 0 ] || source=table
	for asked; do
		case $asked in
		"$front") source=play ;;
		"$front="*) source=${asked#*=} ;;
		esac
	done
	case $source in
	table) ;;
	play)
		play "$front" >"$dir/out" 2>"$dir/err" || {
			source=table
			tail -n 3 "$dir/err" >&2
		}
		;;
	*) cp "$source" "$dir/out" ;;
	esac
	if [ "$source" = table ]; then
		echo "$front: its column stays" >&2
		written "$front" >"$dir/$front.column"
	else
		column "$dir/out" >"$dir/$front.column"
	fi
	rm -f "$dir/out"
done
rows >"$dir/rows"
awk -v rows="$dir/rows" '
	/^\.\\" fronts: end/ { while ((getline line <rows) > 0) print line; inside = 0 }
	!inside
	/^\.\\" fronts: begin/ { inside = 1 }' "$page" >"$dir/page"
cat "$dir/page" >"$page"
