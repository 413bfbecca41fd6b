# What the scripts of this directory share.
. "$(dirname "$0")/../cli/script.sh"

# Each stop is a turn of two processes: on a busy machine many take their time.
# shellcheck disable=SC2034
limit=120

# Only where one process may trace another, and where that is known how to do.
may_be_traced() {
	if "$gntsim" record -o "$dir/probe.scn" --stores exact -- true 2>"$dir/probe"; then
		return
	fi
	grep -q 'ptrace(2) is forbidden\|on x86-64 only' "$dir/probe" || return
	echo "skipped: $(cat "$dir/probe")"
	exit 77
}
