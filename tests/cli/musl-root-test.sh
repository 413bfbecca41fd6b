#!/bin/sh
# musl-root-test.sh GNTSIM PRELOAD USE_DEVICES MUSL_USE_DEVICES|none: a root that has musl for a C library and no glibc, as
# Alpine's: the machine is outside, with the preloaded library and the machine's socket in it where they are here.
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/script.sh"
[ "$4" != none ] || {
	echo "skipped: no musl-gcc (package musl-tools)"
	exit 77
}
gntsim=$(realpath "$1") library=$(realpath "$2") use=$(realpath "$3") musl=$(realpath "$4")
as_root='unshare -m'
[ "$(id -u)" = 0 ] || as_root='unshare -Urm'
$as_root true 2>/dev/null || {
	echo "skipped: this host grants no mount namespace, or is a chroot"
	exit 77
}

root=$dir/root
loader=$(grep -ao '/lib/ld-musl-[a-z0-9_]*\.so\.1' "$musl" | head -n 1)
mkdir -p "$root/lib" "$root/bin" "$root/tmp" "$root/proc" "$root$(dirname "$library")" "$root$dir/shared" "$dir/shared"
cp -L "$loader" "$root$loader"
cp "$library" "$root$library"
cp "$musl" "$root/bin/use"
cp "$use" "$root/bin/glibc-use"

# inside proc|none COMMAND...: with that root's /proc, or with none.
cat >"$dir/inside" <<'END'
#!/bin/sh
root=$(dirname "$0")/root shared=$(dirname "$0")/shared proc=$1
shift
mount --bind "$shared" "$root$shared" || exit
[ "$proc" = none ] || mount --rbind /proc "$root/proc" || exit
exec "$@"
END
chmod 755 "$dir/inside"
# shellcheck disable=SC2086
inside() { # STATUS WHAT proc|none COMMAND...
	status=$1 what=$2
	shift 2
	expect "$status" "$what, /proc: $1" $as_root --propagation private "$dir/inside" "$@"
}

inside 127 "glibc's is not there" proc chroot "$root" /bin/glibc-use clean
start serve "$gntsim" serve --leaks --socket "$dir/shared/s"
for proc in proc none; do
	for how in clean vfork large "exec /bin/use clean"; do
		# shellcheck disable=SC2086
		inside 0 "$how" $proc "$gntsim" run --socket "$dir/shared/s" -- chroot "$root" /bin/use $how
		quiet
	done
done
inside 1 "leaks" proc env TMPDIR="$dir/shared" "$gntsim" run --leaks=error -- chroot "$root" /bin/use forget
says err "grant still allocated"
# On the ptrace front nothing has to be in the root.
rm "$root$library"
for proc in proc none; do
	inside 0 "traced" $proc "$gntsim" run --front ptrace -- chroot "$root" /bin/use clean
done
stop serve TERM
[ $failed = 0 ]
