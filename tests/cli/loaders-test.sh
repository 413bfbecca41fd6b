#!/bin/sh
# Programs of every loader: those that preload our library get it, others another front or a clear refusal.
# usage: loaders-test.sh GNTSIM USE_DEVICES MUSL_USE_DEVICES|none
set -u
gntsim=$(realpath "$1") use=$(realpath "$2") musl=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

# expect STATUS WHAT COMMAND...
expect() {
	want=$1 what=$2
	shift 2
	timeout 30 "$@" >"$dir/out" 2>"$dir/err"
	got=$?
	[ $got = "$want" ] && return
	failed=$((failed + 1))
	echo "$what: expected status $want, got $got"
	sed 's/^/    /' "$dir/out" "$dir/err"
}
says() {
	grep -qF -e "$1" "$dir/err" && return
	failed=$((failed + 1))
	echo "$what: expected '$1' on stderr, got:"
	sed 's/^/    /' "$dir/err"
}

# ELF programs that no loader of ours loads: a byte or two make them.
cp "$use" "$dir/narrow"
printf '\001' | dd of="$dir/narrow" bs=1 seek=4 conv=notrunc status=none
cp "$use" "$dir/foreign"
printf '\363\000' | dd of="$dir/foreign" bs=1 seek=18 conv=notrunc status=none # RISC-V
for program in narrow foreign; do
	for front in auto socket fuse; do
		expect 125 "$program on $front" "$gntsim" run --front $front -- "$dir/$program" clean
		says "gntsim: $dir/$program is a program of another architecture, or of 32 bits"
	done
done
loader=$(grep -ao '/lib[0-9]*/ld-linux-[a-z0-9_.-]*' "$use" | head -n 1)
other=$(echo "$loader" | sed 's/ld-linux-/ld-other-/')
LC_ALL=C sed "s|$loader|$other|" "$use" >"$dir/other"
chmod +x "$dir/other"
expect 125 "another loader" "$gntsim" run --front socket -- "$dir/other" clean
says "$dir/other is loaded by $other, which is neither glibc's loader nor musl's"
# A script is what interprets it.
printf '#! %s clean\n' "$dir/other" >"$dir/script"
chmod +x "$dir/script"
expect 125 "a script of another loader" "$gntsim" run --front socket -- "$dir/script"
says "is loaded by $other"
printf '#!%s clean\n' "$use" >"$dir/script"
expect 2 "a script of ours" "$gntsim" run --front socket -- "$dir/script" # its name is an argument

# What no library is linked with makes its calls by itself.
if [ "$(uname -m)" = x86_64 ] && command -v cc >/dev/null; then
	echo 'void _start(void) { __asm__("mov $60, %eax; xor %edi, %edi; syscall"); }' >"$dir/alone.c"
	cc -nostdlib -pie -fPIE -Wl,--dynamic-linker="$loader" -o "$dir/alone" "$dir/alone.c" || failed=1
	expect 0 "a program without a library" "$gntsim" run --verbose -- "$dir/alone"
	says "gntsim: front: ptrace (the program is linked with no library, and makes system calls of its own"
fi

# What is executed with another's rights has its loader preload nothing; also when only exec may read it.
if [ "$(id -u)" = 0 ]; then
	chmod 755 "$dir"
	for mode in 4755:1000:0 2755:0:1000 4711:1000:0; do
		owners=${mode#*:}
		rm -f "$dir/rights"
		cp "$use" "$dir/rights"
		chown "$owners" "$dir/rights"
		chmod "${mode%%:*}" "$dir/rights"
		expect 125 "rights $mode" "$gntsim" run --front socket -- "$dir/rights" clean
		says "gntsim: $dir/rights is executed with rights of its own"
		if [ -w /dev/fuse ] && "$gntsim" run --front fuse -- true 2>/dev/null; then
			expect 0 "rights $mode, on auto" "$gntsim" run --verbose -- "$dir/rights" clean
			says "gntsim: front: fuse, unassisted (the program is executed with rights of its own"
		fi
	done
	rm -f "$dir/rights"
	cp "$use" "$dir/rights"
	chmod 4755 "$dir/rights"
	expect 0 "our own rights" "$gntsim" run --front socket -- "$dir/rights" clean
fi

if [ "$musl" = none ]; then
	[ $failed = 0 ] || exit 1
	echo "skipped: no musl-gcc (package musl-tools)"
	exit 77
fi
musl=$(realpath "$musl")
grep -aq '/lib/ld-musl-' "$musl" || { echo "$musl is not loaded by musl" && exit 1; }
expect 0 "musl" "$gntsim" run --leaks=error -- "$musl" clean
[ ! -s "$dir/err" ] || { echo "musl: $(cat "$dir/err")" && failed=$((failed + 1)); }
expect 1 "musl, leaks" "$gntsim" run --leaks=error -- "$musl" forget
says "grant still allocated"
for way in "$use exec $musl clean" "$musl exec $use clean" "$musl exec $use exec $musl clean" \
	"$use exec $musl exec $use clean"; do
	# shellcheck disable=SC2086
	expect 0 "$way" "$gntsim" run --leaks=error -- $way
	[ ! -s "$dir/err" ] || { echo "$way: $(cat "$dir/err")" && failed=$((failed + 1)); }
done
# shellcheck disable=SC2016
expect 0 "from a shell and back" "$gntsim" run -- sh -c '"$1" clean && "$2" clean' sh "$musl" "$use"
if "$gntsim" run --front fuse -- true 2>/dev/null; then
	expect 0 "musl on fuse, assisted" "$gntsim" run --front fuse -- "$musl" clean
fi
[ $failed = 0 ] || exit 1
