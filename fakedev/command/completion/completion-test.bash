#!/bin/bash
# completion-test.bash COMPLETION GNTSIM: what bash offers for some beginnings of a command line.
set -eu
# shellcheck disable=SC1090
. "$1"
gntsim=$2

# offers WORDS EXPECTED...: each expected word is offered; the last of WORDS, after its last blank, is
# being typed.
offers() {
	local line=$1 expected
	shift
	read -r -a COMP_WORDS <<<"$line"
	[[ $line == *" " ]] && COMP_WORDS+=("")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	COMP_WORDS[0]=$gntsim
	COMPREPLY=()
	_gntsim
	for expected; do
		[[ " ${COMPREPLY[*]} " == *" $expected "* ]] ||
			{ echo "'$line' offers '${COMPREPLY[*]}', not '$expected'" && exit 1; }
	done
}

offers "gntsim " run serve status control play --version
offers "gntsim ser" serve
offers "gntsim run --" --domain --guest --front --socket --leaks --xenstore
offers "gntsim run --guest p" pv pvh
offers "gntsim run --front " auto socket fuse cuse
offers "gntsim serve --" --socket --virtual-time
offers "gntsim control --socket /tmp/x d" destroy
offers "gntsim run -- tru" true
offers "gntsim play --on fuse" fuse fuse-unassisted
offers "gntsim fuzz --against s" socket
echo ok
