#!/bin/sh
# installed-test.sh SOURCE-ROOT BUILD-ROOT: what "meson install" puts somewhere is all a user needs.
set -eu
root=$1 build=$2
here=$root/tests/library
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

meson install -C "$build" --no-rebuild --quiet --destdir "$dir/dest" >"$dir/log" 2>&1 ||
	{ cat "$dir/log" && exit 1; }
libdir=$(dirname "$(find "$dir/dest" -name libgntsim.so.0)")
bindir=$(dirname "$(find "$dir/dest" -type f -name gntsim -path '*bin*')")
PKG_CONFIG_LIBDIR=$libdir/pkgconfig PKG_CONFIG_SYSROOT_DIR=$dir/dest
export PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR

# Each library has a name, a version of its interface, and no symbol that is not its own.
check_library() {
	library=$1 version=$2 prefixes=$3
	objdump -p "$libdir/$library" | grep -q "SONAME *$library.0\$" || fail "$library: SONAME"
	# The C library and the compiler's, and nothing else.
	objdump -p "$libdir/$library" | awk '$1 == "NEEDED" {print $2}' |
		grep -vxE 'libc\.so\.6|libgcc_s\.so\.1' &&
		fail "$library needs more than the C library"
	nm -D --defined-only "$libdir/$library" | awk '{print $3}' >"$dir/symbols"
	[ -s "$dir/symbols" ] || fail "$library exports nothing"
	grep -vE "^($prefixes)[a-z_0-9]*@@$version\$|^$version\$" "$dir/symbols" >"$dir/others" &&
		fail "$library exports $(cat "$dir/others")"
	return 0
}
check_library libgntsim.so LIBGNTSIM_0 gntsim_
check_library libgnttab-c.so LIBGNTTAB_C_0 'gnttab_|gntshr_|evtchn_'

# Every public header by itself, as C11 and as C++.
for header in "$root"/include/gntsim/*.h "$root"/include/gnttab/*.h; do
	name=${header#"$root"/include/}
	printf '#include <%s>\nint main(void) { return 0; }\n' "$name" >"$dir/header.c"
	# shellcheck disable=SC2046
	cc -std=c11 -Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags gntsim gnttab-c) \
		-fsyntax-only "$dir/header.c" || fail "$name in C11"
	if command -v c++ >/dev/null; then
		# shellcheck disable=SC2046
		c++ -x c++ -Wall -Wextra -Werror $(pkg-config --cflags gntsim gnttab-c) \
			-fsyntax-only "$dir/header.c" || fail "$name in C++"
	fi
done

LD_LIBRARY_PATH=$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
compile() {
	package=$1 source=$2
	shift 2
	# shellcheck disable=SC2046
	cc -std=gnu11 -Wall -Wextra -Werror "$source" -o "$dir/program" \
		$(pkg-config --cflags --libs "$package") "$@" || fail "compiling $source"
}
compile gntsim "$here/plain-assert.c"
"$dir/program" || fail "plain-assert"
if echo '#include <CUnit/Basic.h>' | cc -E - >/dev/null 2>&1; then
	compile gntsim "$here/with-cunit.c" -lcunit
	"$dir/program" || fail "with-cunit"
fi
compile gnttab-c "$root/binding/examples/hello.c"
"$bindir/gntsim" run --leaks=error -- "$dir/program" | grep -x "hello, other side" || fail "hello"
# A path that anyone can compare with what the kernel says of the process.
preload=$("$bindir/gntsim" run -- printenv LD_PRELOAD)
[ "$preload" = "$(realpath "$preload")" ] || fail "LD_PRELOAD is $preload"
# One that LD_PRELOAD cannot hold is said to be none.
cp -a "$dir/dest" "$dir/two words"
if "$dir/two words/${bindir#"$dir/dest/"}/gntsim" run -- true 2>"$dir/log"; then
	fail "a library that the loader cannot find"
fi
grep -q "LD_PRELOAD cannot name $(realpath "$dir/two words")/.*: it has a space or a colon" "$dir/log" ||
	fail "a space in LD_PRELOAD: $(cat "$dir/log")"
# Without the devices it says what is missing.
"$dir/program" 2>&1 | grep -x "/dev/xen: No such file or directory" || fail "hello without devices"
# Static.
# shellcheck disable=SC2046
cc "$root/binding/examples/hello.c" -o "$dir/static" $(pkg-config --cflags gnttab-c) \
	"$libdir/libgnttab-c.a" || fail "hello with the static library"
"$bindir/gntsim" run --leaks=error -- "$dir/static" | grep -qx "hello, other side" || fail "static"
"$bindir/gntsim" --version | grep -xE "gntsim [0-9]+\.[0-9]+\.[0-9]+ \(.+\)" || fail "--version"

# The whole corpus, and nothing else, which the installed command plays on the model.
corpus=$(find "$dir/dest" -type d -path '*share/gntsim/scenarios')
[ "$corpus" ] || fail "no corpus is installed"
for tree in "$root/scenarios" "$corpus"; do
	(cd "$tree" && find . -name '*.scn' | sort)
done | sort | uniq -u >"$dir/others"
[ ! -s "$dir/others" ] || fail "the corpus differs: $(cat "$dir/others")"
find "$corpus" -type f ! -name '*.scn' >"$dir/others"
[ ! -s "$dir/others" ] || fail "this is no scenario: $(cat "$dir/others")"
totals() {
	tail -n 1 "$1" | grep -xE '# [1-9][0-9]{2,} passed, 0 failed, [0-9]{1,2} skipped, 0 errors'
}
"$bindir/gntsim" play "$corpus" >"$dir/played" || { tail -n 20 "$dir/played" && fail "the corpus"; }
totals "$dir/played" || fail "the corpus: $(tail -n 1 "$dir/played")"

# The static player, which real Xen's guests are given: found without help, and it plays the corpus.
cat >"$dir/lab" <<'end'
#!/bin/sh
while [ "$1" != -- ]; do
	shift
done
echo "$2" >"$LAB_GIVEN"
exit 125
end
chmod +x "$dir/lab"
GNTSIM_XEN_LAB=$dir/lab LAB_GIVEN=$dir/given "$bindir/gntsim" play --on xen "$corpus/examples" >"$dir/log" 2>&1 || true
player=$(cat "$dir/given") || { cat "$dir/log" && fail "no static player was taken to the lab"; }
case $(realpath "$player") in
"$(realpath "$dir/dest")"/*/libexec/gntsim/gntsim-play-static) ;;
*) fail "the static player is not the installed one: $player" ;;
esac
"$bindir/gntsim" kit -o - 2>"$dir/log" | tar x -C "$dir" || { cat "$dir/log" && fail "no kit"; }
"$dir/gntsim-kit/run" --on model >"$dir/played" || { tail -n 20 "$dir/played" && fail "the kit"; }
totals "$dir/played" || fail "the kit: $(tail -n 1 "$dir/played")"
"$player" --on model --tap "$corpus" >"$dir/played" || { tail -n 20 "$dir/played" && fail "the static player"; }
totals "$dir/played" || fail "the static player: $(tail -n 1 "$dir/played")"
