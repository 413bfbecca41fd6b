#!/bin/sh
# manual-options-test.sh GNTSIM MAN: a command's page has the options that its --help has, and no other.
set -eu
gntsim=$(realpath "$1") man=$(realpath "$2")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

for command in run record serve status show control crash timeline play explore fuzz conform kit new-scenario; do
	"$gntsim" $command --help | grep -oE -- '--[a-z][a-z-]*' | grep -vx -e --help | sort -u >"$dir/helped" || true
	sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' "$man/gntsim-$command.1" |
		grep -oE 'Fl -[a-z][a-z-]*' | sed 's/Fl -/--/' | sort -u >"$dir/written" || true
	diff "$dir/helped" "$dir/written" >"$dir/differ" || {
		failed=1
		echo "FAILED: gntsim $command --help (<), gntsim-$command(1), SYNOPSIS (>):"
		grep '^[<>]' "$dir/differ"
	}
	while read -r option; do
		sed '1,/^\.Sh DESCRIPTION/d' "$man/gntsim-$command.1" | grep -q -- "Fl $(echo "$option" | cut -c2-)\>" || {
			failed=1
			echo "FAILED: gntsim-$command(1) does not say what $option does"
		}
	done <"$dir/written"
done
exit $failed
