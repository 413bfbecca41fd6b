# shellcheck shell=bash disable=SC2154 # lab_* come from who sources it
# Packages of other suites of Debian's, or for another architecture, than the host's apt is set up for: apt
# with lists, a cache and a configuration of ours, which an ordinary user may have too. The archives are
# those that the host's apt has its own packages from.

lab_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

lab_host_apt=${APT_CONFIG:-} # before it is ours

# "URI SUITE COMPONENT" of what the host's apt has from Debian, a line each.
lab_host_archives() {
	APT_CONFIG=$lab_host_apt apt-get indextargets --format "\$(REPO_URI) \$(RELEASE) \$(COMPONENT)" \
		'Created-By: Packages' 'Origin: Debian' | sort -u
}

# The same for other suites: X-security is where the host's security updates come from.
lab_other_archives() { # SUITE...
	local plain security suite
	plain=$(lab_host_archives | awk '$2 !~ /-security$/ && !n++ {print $1}')
	security=$(lab_host_archives | awk '$2 ~ /-security$/ && !n++ {print $1}')
	for suite; do
		case $suite in
		*-security) [ -z "$security" ] || echo "$security $suite main" ;;
		*) [ -z "$plain" ] || echo "$plain $suite main" ;;
		esac
	done
}

# From here on, in this shell, apt-get is that one, with nothing installed. Its lists are a day old at
# most. No suite: the host's.
lab_use_apt() { # NAME ARCHITECTURE [SUITE]...
	local apt=$lab_cache/apt-$1 arch=$2 options
	command -v apt-get >/dev/null || lab_fail "no apt-get: packages of $1 can't be had"
	shift 2
	mkdir -p "$apt"/{lists,cache/archives}/partial
	: >"$apt/status"
	options="arch=$arch"
	[ ! -e $lab_keyring ] || options+=" signed-by=$lab_keyring"
	{ if [ $# = 0 ]; then lab_host_archives; else lab_other_archives "$@"; fi; } |
		sed "s|^|deb [$options] |" >"$apt/sources.new"
	[ -s "$apt/sources.new" ] ||
		lab_fail "apt has no archive of Debian's: add Debian 12's, and run apt-get update"
	cmp -s "$apt/sources.new" "$apt/sources.list" || rm -f "$apt/fresh"
	mv "$apt/sources.new" "$apt/sources.list"
	cat >"$apt/apt.conf" <<-END
		APT::Architecture "$arch";
		APT::Architectures { "$arch"; };
		APT::Install-Recommends "false";
		APT::Sandbox::User "$(id -un)";
		Acquire::Languages "none";
		Debug::NoLocking "true";
		Dir::Cache "$apt/cache";
		Dir::Etc::sourcelist "$apt/sources.list";
		Dir::Etc::sourceparts "-";
		Dir::State::lists "$apt/lists";
		Dir::State::status "$apt/status";
	END
	export APT_CONFIG=$apt/apt.conf
	[ -z "$(find "$apt/fresh" -mtime -1 2>/dev/null)" ] || return 0
	lab_say "asking for the lists of ${*:-the host\'s suites}, $arch"
	# A suite that the archive has no longer leaves the others.
	apt-get -qq update >&2 || compgen -G "$apt/lists/*_Packages" >/dev/null ||
		lab_fail "apt-get could not fetch the lists of ${*:-the host\'s suites} for $arch"
	touch "$apt/fresh"
}

# These packages and all that they depend on.
lab_with_dependencies() { # PACKAGE...
	apt-get -qq --simulate install "$@" | awk '$1 == "Inst" {printf "%s ", $2} END {print ""}'
}

# Links that say where things are once they are installed say it from where they are now.
lab_relative_links() { # DIRECTORY
	local link
	find "$1" -lname '/*' | while read -r link; do
		ln -sfnr "$1$(readlink "$link")" "$link"
	done
}
