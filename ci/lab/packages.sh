# shellcheck shell=bash disable=SC2154 # lab_* come from who sources it
# What the lab needs from Debian, fetched and unpacked into the cache; nothing is installed.

# Where the packages of one archive lie: a name there may have but one meaning.
: "${lab_debs:=$lab_cache/debs}"

# The newest file of a package there.
lab_deb() { # PACKAGE
	compgen -G "$lab_debs/$1_*.deb" | sort -V | tail -1
}

# Unpacks packages, downloading those that are not there, into a directory that then holds them all.
# PACKAGE=VERSION is that version of it.
lab_unpack() { # DIRECTORY PACKAGE[=VERSION]...
	local into=$1 package missing=()
	shift
	if [ -e "$into" ]; then
		return
	fi
	mkdir -p "$lab_debs"
	for package; do
		[ "$(lab_deb "${package%%=*}")" ] || missing+=("$package")
	done
	if [ ${#missing[@]} -gt 0 ]; then
		command -v apt-get >/dev/null ||
			lab_fail "missing packages: ${missing[*]}: put their .deb files into $lab_debs"
		lab_say "downloading ${missing[*]}"
		(cd "$lab_debs" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download "${missing[@]}") ||
			lab_fail "apt-get could not download ${missing[*]}:" \
				"run apt-get update with Debian 12's main and security archives among apt's sources," \
				"or put their .deb files into $lab_debs"
	fi
	rm -rf "$into.part"
	for package; do
		dpkg-deb -x "$(lab_deb "${package%%=*}")" "$into.part" || return
	done
	mv "$into.part" "$into"
}

# QEMU is the one thing that has to be installed.
lab_need_qemu() { # ARCHITECTURE
	local program=qemu-system-x86_64 package=qemu-system-x86
	[ "$1" = amd64 ] || program=qemu-system-aarch64 package=qemu-system-arm
	command -v $program >/dev/null && return
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		lab_say "installing $package"
		DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $package >&2
	else
		lab_fail "$program is missing: apt-get install $package (as root)"
	fi
}

lab_need_commands() { # COMMAND...
	local command
	for command; do
		command -v "$command" >/dev/null || lab_fail "$command is missing"
	done
}
