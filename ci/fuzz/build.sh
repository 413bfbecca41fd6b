#!/bin/sh
# ci/fuzz/build.sh: builds every fuzz target into $OUT, with its seeds, dictionary and options, as OSS-Fuzz
# and ClusterFuzzLite want it: $CC, $CFLAGS, $LIB_FUZZING_ENGINE, $OUT and $WORK are theirs. Without them
# clang's libFuzzer is taken, AddressSanitizer and UndefinedBehaviorSanitizer with it.
# Usage: ci/fuzz/build.sh [TARGET...]
set -eu
cd "$(dirname "$0")/../.."
CC=${CC:-clang}
CFLAGS=${CFLAGS:--O2 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fsanitize=fuzzer-no-link}
LIB_FUZZING_ENGINE=${LIB_FUZZING_ENGINE:--fsanitize=fuzzer}
OUT=${OUT:-build-fuzz}
WORK=${WORK:-$OUT/work}
mkdir -p "$OUT" "$WORK"
OUT_ABSOLUTE=$(cd "$OUT" && pwd)
[ $# -gt 0 ] || set -- model twin scenario timeline wire fuse

# Counting everything again is no path of its own, nor is asking for a call or telling what there is. What only checks
# is not instrumented at all, and is twice as fast.
no_paths="-fno-sanitize-coverage=trace-pc-guard,inline-8bit-counters,trace-cmp,trace-div,trace-gep,indirect-calls,pc-table,bb,edge,func"
plain="-fno-sanitize=all $no_paths"

common="-std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Iinclude -Isim -Ifakedev -Iscenarios -Itests/fuzz -Itests/fuzz/model -Itests/fuzz/reference"

# compile FILE [OPTION...]: prints the object's name.
compile() {
	object=$WORK/$(echo "$1" | tr / _).o
	source=$1
	shift
	# shellcheck disable=SC2086
	if [ ! -e "$object" ] || find include sim tests/fuzz fakedev/uapi.h -newer "$object" -name '*.[ch]' | grep -q .; then
		$CC $CFLAGS $common '-DGNTSIM_VERSION="fuzz"' "$@" -c "$source" -o "$object"
	fi
	echo "$object"
}

# compile_all FILE...: the objects' names. What is compared is no hint here: bytes stand for numbers of small sets.
compile_all() {
	for file; do
		case $file in
		sim/check.c | sim/xen/check_xen.c | tests/fuzz/model/oracle.c)
			# shellcheck disable=SC2086
			compile "$file" $plain
			;;
		sim/inspect.c | tests/fuzz/model/*.c)
			compile "$file" $no_paths
			;;
		*) compile "$file" -fno-sanitize-coverage=trace-cmp,indirect-calls ;;
		esac
	done
}

link() {
	target=$1
	shift
	# shellcheck disable=SC2086
	$CC $CFLAGS "$@" $LIB_FUZZING_ENGINE -o "$OUT/$target-fuzz"
}

# words FILE...: a dictionary of the words that these have in quotation marks.
words() {
	grep -oh '"[A-Za-z_][A-Za-z_-]\{2,30\}"' "$@" | sort -u
}

# seed TARGET: what its fuzzer begins with.
seed() {
	seeds=$WORK/seeds-$1
	rm -rf "$seeds" "$OUT/$1-fuzz_seed_corpus.zip"
	mkdir "$seeds"
	case $1 in
	model | twin)
		# The corpus of scenarios, written by a program that plays it.
		writer=build/tests/fuzz/fuzz-seeds
		if [ ! -x "$writer" ]; then
			writer=$WORK/plain/tests/fuzz/fuzz-seeds
			{ [ -e "$WORK/plain/build.ninja" ] || env -u CFLAGS CC=cc meson setup "$WORK/plain"; } >"$WORK/plain.log"
			ninja -C "$WORK/plain" tests/fuzz/fuzz-seeds >>"$WORK/plain.log"
		fi
		"$writer" "$seeds" scenarios/conformance scenarios/regressions scenarios/kernel-bugs scenarios/examples
		# Calls that scenarios make often.
		cat "$seeds"/* | od -An -v -tx1 -w8 | sort | uniq -c | sort -rn |
			awk 'NR <= 200 { printf "\""; for (i = 2; i <= NF; i++) printf "\\x%s", $i; print "\"" }' >"$OUT/$1-fuzz.dict"
		;;
	scenario)
		find scenarios -name '*.scn' | while read -r file; do
			cp "$file" "$seeds/$(basename "$file")"
		done
		words scenarios/lang/*.c scenarios/lang/*/*.c >"$OUT/$1-fuzz.dict"
		;;
	timeline)
		cp tests/timeline/crash.json "$seeds"
		words fakedev/timeline/*.c fakedev/command/trace/json.c sim/observe.c >"$OUT/$1-fuzz.dict"
		;;
	wire | fuse)
		# A thousand choices that are all the first; what is good of others is found soon.
		head -c 1000 /dev/zero >"$seeds/zero"
		rm -f "$OUT/$1-fuzz.dict"
		;;
	esac
	[ ! -d "tests/fuzz/findings/$1" ] || cp "tests/fuzz/findings/$1"/* "$seeds"
	(cd "$seeds" && python3 -m zipfile -c "$OUT_ABSOLUTE/$1-fuzz_seed_corpus.zip" .)
	{
		printf '[libfuzzer]\nmax_len = %s\ntimeout = 25\nrss_limit_mb = 2048\n' "$(most_bytes "$1")"
		# To count how rare each path is takes longer than a sequence of calls.
		case $1 in model | twin) echo 'entropic = 0' ;; esac
	} >"$OUT/$1-fuzz.options"
}

# most_bytes TARGET: of an input that is worth trying.
most_bytes() {
	case $1 in
	model | twin) echo 520 ;; # 64 calls
	*) echo 16384 ;;
	esac
}

model_files="tests/fuzz/model/call.c tests/fuzz/model/world.c tests/fuzz/model/apply_*.c tests/fuzz/model/inside.c tests/fuzz/model/oracle.c"
for target; do
	# shellcheck disable=SC2046,SC2086
	case $target in
	model)
		link model $(compile_all sim/*.c sim/*/*.c $model_files tests/fuzz/model/mutate.c tests/fuzz/model/model-fuzz.c)
		;;
	twin)
		link twin $(compile_all sim/*.c sim/*/*.c $model_files tests/fuzz/reference/*.c)
		;;
	scenario | timeline | wire | fuse)
		# These stand on more than the model: meson knows on what.
		[ -e "$WORK/tree/build.ninja" ] ||
			env -u CFLAGS "CC=$CC" meson setup "$WORK/tree" -Db_lundef=false "-Dc_args=$CFLAGS" \
				"-Dc_link_args=$CFLAGS" "-Dfuzzing-engine=$LIB_FUZZING_ENGINE" >"$WORK/setup.log" || {
				cat "$WORK/setup.log" >&2
				exit 125
			}
		ninja -C "$WORK/tree" "tests/fuzz/$target-fuzz" >"$WORK/ninja.log" || {
			cat "$WORK/ninja.log" >&2
			exit 125
		}
		cp "$WORK/tree/tests/fuzz/$target-fuzz" "$OUT/"
		;;
	*)
		echo "ci/fuzz/build.sh: no target '$target'" >&2
		exit 125
		;;
	esac
	seed "$target"
done
