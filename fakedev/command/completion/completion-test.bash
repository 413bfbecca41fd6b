#!/bin/bash
# completion-test.bash COMPLETION GNTSIM: what bash offers for some beginnings of a command line.
set -eu
# shellcheck disable=SC1090
. "$1"
gntsim=$2

# type_words WORDS: what is offered then is in COMPREPLY.
type_words() {
	local line=$1
	read -r -a COMP_WORDS <<<"$line"
	[[ $line == *" " ]] && COMP_WORDS+=("")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	COMP_WORDS[0]=$gntsim
	COMPREPLY=()
	_gntsim
}

# withholds WORDS UNEXPECTED...: none of these words is offered.
withholds() {
	local line=$1 unexpected
	shift
	type_words "$line"
	for unexpected; do
		[[ " ${COMPREPLY[*]} " != *" $unexpected "* ]] ||
			{ echo "'$line' offers '$unexpected'" && exit 1; }
	done
}

# offers WORDS EXPECTED...: each expected word is offered; the last of WORDS, after its last blank, is
# being typed.
offers() {
	local line=$1 expected
	shift
	type_words "$line"
	for expected; do
		[[ " ${COMPREPLY[*]} " == *" $expected "* ]] ||
			{ echo "'$line' offers '${COMPREPLY[*]}', not '$expected'" && exit 1; }
	done
}

offers "gntsim " run serve status control timeline play --version
offers "gntsim ser" serve
offers "gntsim run --" --domain --guest --front --socket --leaks --xenstore
offers "gntsim run --guest p" pv pvh
offers "gntsim run --front " auto socket fuse cuse ptrace
offers "gntsim serve --" --socket --virtual-time
offers "gntsim control --socket /tmp/x d" destroy
offers "gntsim ex" explore
offers "gntsim ki" kit
offers "gntsim kit --" --output --arch --player --scenarios
offers "gntsim kit --arch " amd64 arm64
offers "gntsim explore --" --deaths --output --every-order
offers "gntsim explore --deaths " none kill destroy
offers "gntsim timeline --" --output --title --scale
offers "gntsim timeline --scale " steps time
offers "gntsim show --socket /tmp/x g" grants
offers "gntsim crash --" --victim --points --merge --output
offers "gntsim crash --points " calls stores all
offers "gntsim crash --end " kill exit abort destroy stop
offers "gntsim show --" --why --json --watch
offers "gntsim run -- tru" true
offers "gntsim run --" --tag --maptrack-frames --kernel --wait-for
offers "gntsim run -- true ::: --" --domain --guest --wait-for --wait-patience --ports
withholds "gntsim run -- true ::: --" --xenstore --tag --frames --kernel
offers "gntsim run -- true ::: -- tru" true
offers "gntsim run --kernel " 5.10 6.1 6.12 6.18 7.3
offers "gntsim record --stores " changed all none
offers "gntsim record --" --shrink --budget --stores
offers "gntsim record -o x -- tru" true
offers "gntsim play --on fuse" fuse fuse-unassisted
offers "gntsim fuzz --against s" socket
echo ok
