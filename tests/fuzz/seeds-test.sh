#!/bin/sh
# Every scenario, as the fuzzers' bytes, through a target; and what a fuzzer once found there, or what had to be
# written by hand to come to a rule of the reference.
# Usage: seeds-test.sh WRITER SCENARIOS TARGET FINDINGS
set -eu
seeds=$(mktemp -d)
trap 'rm -rf "$seeds"' EXIT
"$1" "$seeds" "$2/conformance" "$2/regressions" "$2/kernel-bugs" "$2/examples"
n=$(find "$seeds" -type f | wc -l)
[ "$n" -gt 400 ] || { echo "only $n seeds"; exit 1; }
set -- "$3" "$4"
[ -d "$2" ] || set -- "$1"
"$@" "$seeds"
