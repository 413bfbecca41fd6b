#!/bin/sh
# corpus-test.sh GNTSIM SCENARIOS SUBSTRATE: plays them, tries what the substrate is said to lack, and
# compares with the manual's table. If it can't be had TAP says why; meson wants status 0 with that. On a slow machine
# GNTSIM_TEST_PATIENCE are the seconds that a call may take.
out=$(mktemp)
trap 'rm -f "$out"' EXIT
"$1" play "$2" --on "$3" --jobs 2 --doubt --by-capability ${GNTSIM_TEST_PATIENCE:+--patience "$GNTSIM_TEST_PATIENCE"} >"$out"
status=$?
cat "$out"
case $status in
0) "$2/fronts.sh" --check "$3" "$out" ;;
77) exit 0 ;;
*) exit $status ;;
esac
