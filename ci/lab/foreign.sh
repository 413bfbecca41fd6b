# shellcheck shell=bash disable=SC2154 # lab_cache comes from who sources it
# Packages of another architecture than the host's, from the archives that the host's apt has its own
# from: apt with lists, a cache and a configuration of ours, which an ordinary user may have too.

# From here on apt-get is of that architecture, with nothing installed.
lab_foreign_apt() { # ARCHITECTURE
	local apt=$lab_cache/apt key=/usr/share/keyrings/debian-archive-keyring.gpg options
	command -v apt-get >/dev/null ||
		lab_fail "no apt-get: packages of $1 can't be had"
	mkdir -p "$apt"/{lists,cache/archives}/partial
	: >"$apt/status"
	options="arch=$1"
	[ ! -e $key ] || options+=" signed-by=$key"
	apt-get indextargets --format "deb [$options] \$(REPO_URI) \$(RELEASE) \$(COMPONENT)" \
		'Created-By: Packages' 'Origin: Debian' | sort -u >"$apt/sources.list"
	[ -s "$apt/sources.list" ] ||
		lab_fail "apt has no archive of Debian's: add Debian 12's, and run apt-get update"
	cat >"$apt/apt.conf" <<-END
		APT::Architecture "$1";
		APT::Architectures { "$1"; };
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
	lab_say "asking for the packages of $1"
	apt-get -qq update >&2 || lab_fail "apt-get could not fetch the lists of $1's packages"
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
