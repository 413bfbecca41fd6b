#!/bin/sh
# ci/coverage judges: less of a room than must be reached fails, with the room's name.
cd "$(dirname "$0")/../.." || exit 1
judge() {
	printf 'sim:\n  lines......: %s%% (1 of 2 lines)\n  branches...: %s%% (1 of 2)\nbinding:\n  lines......: %s%% (1 of 2)\n' "$@" |
		ci/coverage --judge
}
judge 99.4 93.6 92.2 || exit 1
for figures in "98.9 93.6 92.2" "99.4 92.2 92.2"; do
	# shellcheck disable=SC2086
	said=$(judge $figures) && echo "passed with $figures" && exit 1
	case $said in sim:*) ;; *) echo "said: $said" && exit 1 ;; esac
done
said=$(judge 99.4 93.6 80) && exit 1
[ "$said" = "binding: 80% of the lines are reached, 91.7% must be" ] || { echo "said: $said" && exit 1; }
