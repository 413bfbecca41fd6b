# Sourced by ci/demo, ci/test and ci/coverage: installs what is missing, with apt-get, as root or with
# sudo, and configures build trees for what is there.
# shellcheck shell=sh disable=SC2034

# What a build and the demo need; ci/test adds its tools.
build_packages="gcc libc6-dev libdw-dev linux-libc-dev libfuse3-dev libjson-c-dev libseccomp-dev meson ninja-build pkg-config"
xen_packages="xen-utils-4.17 xenstore-utils libxen-dev"
test_packages="build-essential ccache chromium chromium-driver clang clang-format clang-tidy cppcheck debhelper fuse3 \
	g++-aarch64-linux-gnu gcc-aarch64-linux-gnu gdb git golang-go lcov \
	libclang-rt-14-dev libcunit1-dev lintian mandoc musl-tools procps python3-clang-14 python3-yaml qemu-system-arm \
	qemu-system-x86 qemu-user shellcheck strace util-linux valgrind xz-utils zstd"

need_packages() {
	missing=
	for package; do
		dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
			missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" = 0 ]; then
		sudo=
	elif command -v sudo >/dev/null; then
		sudo=sudo
	else
		echo "$0: these packages are missing, and there is neither root nor sudo:$missing" >&2
		exit 125
	fi
	echo "installing:$missing"
	$sudo apt-get update -qq >/dev/null || echo "$0: apt-get update failed; trying with the old lists" >&2
	# shellcheck disable=SC2086
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# What a configuration depends on and meson does not see change: what is installed.
installed() {
	# shellcheck disable=SC2086
	dpkg-query -W $build_packages $xen_packages $test_packages 2>/dev/null || true
}

# Only "meson configure" changes every kind of option, and only "meson setup" looks for programs again.
# For another machine a tree is another one.
reconfigure() {
	[ -e "$tree/build.ninja" ] || return 1
	case " $* " in *" --"*) return 1 ;; esac
	meson configure --clearcache "$@" "$tree" && meson setup --reconfigure "$tree"
}

# configure DIR OPTION...: a build tree with these options, for what is installed now. One that was
# configured otherwise, whoever did so, is configured again; other options that it has stay.
configure() {
	tree=$1
	shift
	stamp=$tree/.configured
	# Where no other tree's options say so, tests are built, as they are for users.
	set -- -Dtests=true "$@"
	case " $* " in *" -Db_sanitize"*) ;; *) set -- "$@" -Db_sanitize=none ;; esac
	case " $* " in *" -Db_coverage"*) ;; *) set -- "$@" -Db_coverage=false ;; esac
	wanted="$* $(installed)"
	if [ -e "$tree/build.ninja" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] &&
		! find "$tree/meson-private/cmd_line.txt" -newer "$stamp" | grep -q .; then
		return 0
	fi
	mkdir -p "$tree"
	rm -f "$stamp"
	if ! reconfigure "$@" >"$tree/setup.log" 2>&1; then
		# None, half a tree, or another version of meson's. Below it are other trees: they stay.
		rm -rf "$tree/meson-private" "$tree/meson-info" "$tree/build.ninja"
		meson setup "$tree" "$@" >"$tree/setup.log" 2>&1 || {
			cat "$tree/setup.log" >&2
			return 1
		}
	fi
	printf '%s\n' "$wanted" >"$stamp"
}

# build_tree TARGET...: the tree that users have; "all" is all of it.
build_tree() {
	configure build || exit
	[ "$*" != all ] || set --
	meson compile -C build "$@" >build/ninja.log 2>&1 || {
		cat build/ninja.log >&2
		exit 1
	}
}
