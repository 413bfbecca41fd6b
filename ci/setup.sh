# Sourced by ci/demo and ci/test: installs what is missing, with apt-get, as root or with sudo.
# shellcheck shell=sh disable=SC2034

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

# What a build and the demo need; ci/test adds its tools.
build_packages="gcc libc6-dev linux-libc-dev libfuse3-dev meson ninja-build pkg-config"
xen_packages="xen-utils-4.17 xenstore-utils libxen-dev"
test_packages="clang clang-format clang-tidy cppcheck debhelper fuse3 \
	gdb g++-aarch64-linux-gnu gcc-aarch64-linux-gnu golang-go lcov \
	libclang-rt-14-dev libcunit1-dev lintian mandoc musl-tools procps python3-yaml qemu-system-x86 \
	qemu-user shellcheck strace util-linux valgrind xz-utils zstd"

build_tree() {
	[ -e build/build.ninja ] || meson setup build >/dev/null
	ninja -C build >build/ninja.log 2>&1 || {
		cat build/ninja.log >&2
		exit 1
	}
}
