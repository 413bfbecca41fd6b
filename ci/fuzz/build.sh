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
[ $# -gt 0 ] || set -- model

# Counting everything again is no path of its own: what only checks is not instrumented, and is twice as fast.
plain="-fno-sanitize=all -fno-sanitize-coverage=trace-pc-guard,inline-8bit-counters,trace-cmp,trace-div,trace-gep,indirect-calls,pc-table,bb,edge,func"

common="-std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DGNTSIM_VERSION=\"fuzz\" -Iinclude -Isim -Ifakedev -Iscenarios -Itests/fuzz -Itests/fuzz/model -Itests/fuzz/reference"

# compile FILE [OPTION...]: prints the object's name.
compile() {
	object=$WORK/$(echo "$1" | tr / _).o
	source=$1
	shift
	# shellcheck disable=SC2086
	if [ ! -e "$object" ] || [ "$source" -nt "$object" ] || [ -n "${REBUILD:-}" ]; then
		$CC $CFLAGS $common "$@" -c "$source" -o "$object"
	fi
	echo "$object"
}

# compile_all FILE...: the objects' names.
compile_all() {
	for file; do
		case $file in
		sim/check.c | sim/xen/check_xen.c | tests/fuzz/model/oracle.c)
			# shellcheck disable=SC2086
			compile "$file" $plain
			;;
		*) compile "$file" ;;
		esac
	done
}

link() {
	target=$1
	shift
	# shellcheck disable=SC2086
	$CC $CFLAGS "$@" $LIB_FUZZING_ENGINE -o "$OUT/$target-fuzz"
}

model_files="tests/fuzz/model/call.c tests/fuzz/model/world.c tests/fuzz/model/apply_*.c tests/fuzz/model/inside.c tests/fuzz/model/oracle.c"
for target; do
	# shellcheck disable=SC2046,SC2086
	case $target in
	model)
		link model $(compile_all sim/*.c sim/*/*.c $model_files tests/fuzz/model/model-fuzz.c)
		;;
	twin)
		link twin $(compile_all sim/*.c sim/*/*.c $model_files tests/fuzz/reference/*.c)
		;;
	*)
		echo "ci/fuzz/build.sh: no target '$target'" >&2
		exit 125
		;;
	esac
done
