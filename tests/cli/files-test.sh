#!/bin/sh
# What stands where gntsim and the lab write is kept.
# usage: files-test.sh GNTSIM XEN_LAB
gntsim=$(realpath "$1") lab=$(realpath "$2")
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/script.sh"

write="$gntsim fuzz --count 1 --seed 7 --write $dir/cases"
expect 0 "a sequence is written, to a directory that is made for it" $write
expect 0 "the same again" $write
[ "$(ls "$dir/cases")" = fuzz-7-0.scn ] || complain "the same again: $(ls "$dir/cases")"
echo "# I have worked on this" >>"$dir/cases/fuzz-7-0.scn"
cp "$dir/cases/fuzz-7-0.scn" "$dir/mine"
expect 0 "beside what was worked on" $write
cmp -s "$dir/mine" "$dir/cases/fuzz-7-0.scn" || complain "a case that was worked on is lost"
cmp -s "$dir/mine" "$dir/cases/fuzz-7-0-2.scn" && complain "a copy"
expect 0 "and again" $write
[ "$(ls "$dir/cases" | wc -l)" = 2 ] || complain "and again: $(ls "$dir/cases")"

echo kept >"$dir/mine.scn"
expect 125 "new-scenario" sh -c 'cd "$1" && "$2" new-scenario mine' sh "$dir" "$gntsim"
[ "$(cat "$dir/mine.scn")" = kept ] || complain "new-scenario has overwritten a file"

mkdir -p "$dir/home/images/pv-6.1"
echo kept >"$dir/home/lock"
expect 125 "a lab's cache" env GNTSIM_LAB_CACHE="$dir/home" "$lab" fetch pv
says err "$dir/home has other files in it"
[ "$(cat "$dir/home/lock")" = kept ] && [ -d "$dir/home/images/pv-6.1" ] ||
	complain "the lab has removed what was not its own"
[ $failed = 0 ]
