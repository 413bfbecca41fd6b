#!/bin/sh
# ci/coverage judges: less of a room than must be reached fails, with the room's name; so does a line of sim/ that
# is not reached without a reason.
cd "$(dirname "$0")/../.." || exit 1
judge() {
	printf 'sim:\n  lines......: %s%% (1 of 2 lines)\n  branches...: %s%% (1 of 2)\nbinding:\n  lines......: %s%% (1 of 2)\n' "$@" |
		ci/coverage --judge
}
judge 99.4 95.3 97.2 || exit 1
for figures in "98.9 95.3 97.2" "99.4 94.9 97.2"; do
	# shellcheck disable=SC2086
	said=$(judge $figures) && echo "passed with $figures" && exit 1
	case $said in sim:*) ;; *) echo "said: $said" && exit 1 ;; esac
done
said=$(judge 99.4 95.3 90) && exit 1
[ "$said" = "binding: 90% of the lines are reached, 97% must be" ] || { echo "said: $said" && exit 1; }

said=$(printf 'scenarios/player:\n  lines......: 97.1%% (1 of 2)\n  branches...: 88.9%% (1 of 2)\n' | ci/coverage --judge) && exit 1
[ "$said" = "scenarios/player: 88.9% of the branches are reached, 89% must be" ] || { echo "said: $said" && exit 1; }

# A room as a whole, beside its parts.
said=$(printf 'fakedev:\n  lines......: 90.1%% (1 of 2)\nfakedev/xenbus:\n  lines......: 97%% (1 of 2)\n' | ci/coverage --judge) && exit 1
[ "$said" = "fakedev: 90.1% of the lines are reached, 90.8% must be" ] || { echo "said: $said" && exit 1; }

info=$(mktemp)
trap 'rm -f "$info"' EXIT
# at TEXT: the number of the line of sim/tree.c that is that.
at() {
	grep -nxF "$1" sim/tree.c | tail -n 1 | cut -d : -f 1
}
listed=$(at '		node = n;') other=$(at '	return t->last;')
printf 'SF:%s/sim/tree.c\nDA:%s,0\nDA:%s,7\nend_of_record\n' "$PWD" "$listed" "$other" >"$info"
ci/coverage --reasons "$info" || exit 1
printf 'SF:%s/sim/tree.c\nDA:%s,0\nDA:%s,0\nend_of_record\n' "$PWD" "$listed" "$other" >"$info"
said=$(ci/coverage --reasons "$info") && echo "passed without a reason" && exit 1
[ "$said" = "sim: sim/tree.c:$other is not reached, and ci/not-covered does not say why: return t->last;" ] ||
	{ echo "said: $said" && exit 1; }
