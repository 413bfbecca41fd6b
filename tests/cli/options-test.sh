#!/bin/sh
# Every command names the option that is wrong, ends with 125, and at once.
# usage: options-test.sh GNTSIM EFFECTS_C
set -u
gntsim=$(realpath "$1") effects=$(realpath "$2")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit
failed=0 cases=0

# wrong TEXT COMMAND…: it says the text, and no more than a line.
wrong() {
	text=$1
	shift
	cases=$((cases + 1))
	timeout 20 "$gntsim" "$@" >out 2>err
	got=$?
	[ $got = 125 ] && grep -qF -e "gntsim $1: $text" err && grep -qF "gntsim $1 --help" err &&
		[ "$(wc -l <err)" = 1 ] && [ ! -s out ] && return
	failed=$((failed + 1))
	echo "gntsim $*: expected status 125 and '$text', got $got and:"
	head -n 5 out err
}

for command in run serve status control timeline play explore fuzz conform kit new-scenario; do
	wrong "no option --bogus" $command --bogus
	wrong "no option --bogus=3" $command --bogus=3
	wrong "no option -Z" $command -Z
	wrong "--help takes no value" $command --help=3
done
for option in domain guest front socket assist limit; do
	wrong "--$option needs a value" run --$option
done
for option in output title scale; do
	wrong "--$option needs a value" timeline --$option
done
wrong "-o needs a value" timeline trace -o
wrong "no trace is named" timeline -o x.svg
wrong "more than one trace is named" timeline a b -o x.svg
wrong "-o FILE is missing" timeline trace
wrong "-o: expected .html, .svg or .json at the end of 'x.png'" timeline trace -o x.png
for option in socket guest limit mount assist; do
	wrong "--$option needs a value" serve --$option
done
for option in on guest kernel jobs seed junit device-dir domid host leg channel time-limit patience; do
	wrong "--$option needs a value" play --$option
done
for option in output kernel kernel-image modules module xen xen-tools xsm config-append scenarios ops seed \
	time-limit patience; do
	wrong "--$option needs a value" conform --$option
done
for option in output arch player scenarios; do
	wrong "--$option needs a value" kit --$option
done
wrong "where to? (-o FILE)" kit
wrong "--arch: expected amd64 or arm64, found 'riscv'" kit -o x --arch riscv
wrong "--player: /nowhere: No such file or directory" kit -o x --player /nowhere
wrong "--scenarios: /nowhere: No such file or directory" kit -o x --scenarios /nowhere
wrong "no scenario (*.scn) in what --scenarios names" kit -o x --scenarios .
wrong "expected no more words, found 'y'" kit -o x y
wrong "--second: at which channel?" play --on pair --second
wrong "--channel: it is for --on pair alone" play --channel fd:0 x.scn
wrong "--ktap: of xen gntsim conform writes it" play --on xen --ktap x.scn
wrong "where to? (-o DIR)" conform
wrong "expected the leg" conform -o x hvm
for option in kernel-image modules module xen xen-tools xsm config-append; do
	wrong "--$option needs a value" play --$option
	wrong "--$option needs a value" fuzz --$option
done
wrong "what is booted only --against xen asks" fuzz --xen-tools x
for option in against ops seed length first guest kernel against-kernel allow-hazard max patience write count \
	device-dir domid host; do
	wrong "--$option needs a value" fuzz --$option
done
for option in deaths output guest kernel limit; do
	wrong "--$option needs a value" explore --$option
done
wrong "--deaths: expected none, kill or destroy, found 'all'" explore --deaths all
wrong "--guest: expected pv or pvh, found 'hvm'" explore --guest hvm
wrong "which scenario?" explore
wrong "--socket needs a value" status --socket
wrong "--socket needs a value" control --socket
wrong "-j needs a value" play -j
wrong "--d could be short for several options" play --d

# A number is one, and within what is allowed. COMMAND OPTION LOW HIGH.
number() {
	for value in '' x -1 +1 ' 1' 1x 1.5 0x '1 2' "$5" 18446744073709551616 99999999999999999999999; do
		wrong "$2: expected a number from $3 to $4, found '$value'" "$1" "$2" "$value"
	done
	[ "$3" = 0 ] || wrong "$2: expected a number from $3" "$1" "$2" 0
}
number run --domain 0 32751 32752
number run --limit 1 2147483647 2147483648
number serve --limit 1 2147483647 2147483648
number play --jobs 1 256 257
number play --seed 0 18446744073709551615 -0
number play --domid 0 32751 32752
number play --time-limit 1 86400 86401
number play --patience 1 86400 86401
number fuzz --ops 1 18446744073709551615 -0
number fuzz --seed 0 4294967295 4294967296
number fuzz --length 1 500 501
number fuzz --first 0 4294967295 4294967296
number fuzz --max 1 18446744073709551615 -0
number fuzz --count 1 4294967295 4294967296
number fuzz --patience 1 86400 86401
number fuzz --domid 0 32751 32752
for value in '' 6 6. .1 6.x ' 6.1' +6.1 6.+1 '6. 1' 6.1.2.3 6.1x v6.1 99999999999.1; do
	wrong "--kernel: expected a version X.Y, found '$value'" play --kernel "$value" "${effects%/sim/*}/scenarios/examples"
	wrong "--kernel: expected a version X.Y, found '$value'" fuzz --kernel "$value"
	wrong "--against-kernel: expected a version X.Y, found '$value'" fuzz --against-kernel "$value"
done
for option in guest host; do
	wrong "--$option: expected pv or pvh, found 'hvm'" play --$option hvm
done
wrong "--guest: expected pv, pvh or two of them, found 'hvm'" fuzz --guest hvm
names=$(sed -n 's/.*\[HAZARD_.*"\(.*\)",/\1/p' "$effects" | paste -sd , | sed 's/,/, /g')
for value in nope '' pvh-maps; do
	wrong "--allow-hazard: expected one of $names, found '$value'" fuzz --allow-hazard "$value"
done
wrong "--host: expected pv or pvh, found 'hvm'" fuzz --host hvm
wrong "--against: expected the name of a substrate, found 'moon'" fuzz --against moon
wrong "--leg: expected pv, pv+pvh, pv+pv, arm64 or arm64+arm64, found 'moon'" play --leg moon
wrong "expected no other word, found 'word'" fuzz word
wrong "expected no other word, found 'word'" serve --socket s word
wrong "expected no other word, found 'word'" status --socket s word
wrong "expected one name, found none" new-scenario
wrong "expected one name, found more" new-scenario a b
wrong "expected create, destroy, advance, limit, attach or console" control --socket s
wrong "expected create, destroy, advance, limit, attach or console" control --socket s frobnicate 1
for value in x -1 1x 9223372036854775808; do
	wrong "advance: expected a number from 0 to" control --socket s advance "$value"
	wrong "destroy: expected a number from 0 to" control --socket s destroy "$value"
	wrong "limit: expected a number from 0 to" control --socket s limit 0 "$value"
done
[ -z "$(find . -name '*.scn')" ] || {
	failed=$((failed + 1))
	echo "something was written: $(ls)"
}

# The least of everything is no hang.
timeout 60 "$gntsim" fuzz --length 1 --ops 1 --max 1 --seed 0 >out 2>&1 || {
	failed=$((failed + 1))
	cat out
}
echo "$cases cases, $failed failed"
[ $failed = 0 ]
