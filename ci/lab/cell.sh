# shellcheck shell=bash disable=SC2154,SC2034 # lab_* come from and go to ci/xen-lab
# What is booted: the options that say so, and a name for it, which no other has, in the cache.

lab_no_options() {
	lab_kernel_wanted=6.1 lab_own_image='' lab_own_directory='' lab_own_modules=()
	lab_xen_wanted=4.17 lab_own_xen='' lab_tools_wanted='' lab_xsm='' lab_config_append='' lab_append=''
	lab_cell_options=()
}

lab_wrong_option() { # OPTION EXPECTED VALUE
	lab_fail "$1: expected $2, found '$3'"
}

lab_need_value() { # OPTION ARGUMENT...
	[ $# -gt 1 ] || lab_fail "$1: expected a value"
}

# Takes an option of what is booted; 1: it is none. All have one value.
lab_take_option() { # OPTION VALUE...
	case $1 in
	--kernel | --kernel-image | --modules | --module | --xen | --xen-tools | --xsm | --config-append)
		lab_need_value "$@"
		;;
	*) return 1 ;;
	esac
	case $1 in
	--kernel)
		[[ $2 =~ ^([0-9]+\.[0-9]+(\.[0-9]+)?|newest)$ ]] ||
			lab_wrong_option "$1" "a series (6.1), a version (6.1.192) or newest" "$2"
		lab_kernel_wanted=$2
		;;
	--kernel-image)
		[ -f "$2" ] || lab_wrong_option "$1" "a kernel's file" "$2"
		lab_own_image=$2
		;;
	--modules)
		[ -d "$2" ] || lab_wrong_option "$1" "a directory" "$2"
		lab_own_directory=$2
		;;
	--module)
		[[ $2 =~ ^[a-z0-9_-]+=.*\.ko(\.xz|\.zst|\.gz)?$ ]] || lab_wrong_option "$1" "NAME=FILE.ko" "$2"
		[ -f "${2#*=}" ] || lab_fail "$1: no file ${2#*=}"
		lab_own_modules+=("$2")
		;;
	--xen)
		lab_own_xen='' lab_xen_wanted=4.17
		if [[ $2 =~ ^[0-9]+\.[0-9]+$ ]]; then
			lab_xen_wanted=$2
		elif [ -f "$2" ]; then
			lab_own_xen=$2
		else
			lab_wrong_option "$1" "a version (4.17) or a hypervisor's file" "$2"
		fi
		;;
	--xen-tools)
		[[ $2 =~ ^[0-9]+\.[0-9]+$ ]] || lab_wrong_option "$1" "a version (4.17)" "$2"
		lab_tools_wanted=$2
		;;
	--xsm)
		case $2 in
		dummy | silo) lab_xsm=$2 ;;
		*) lab_wrong_option "$1" "dummy or silo" "$2" ;;
		esac
		;;
	--config-append) lab_config_append=$2 ;;
	esac
	lab_cell_options+=("$1" "$2")
}

# What is booted, with a build tree in it: sets build and limit, which are the caller's, and what is left.
lab_take_tree_options() { # WHO [OPTION]... [--build DIRECTORY] [--timeout SECONDS] [-- ARGUMENT...]
	local who=$1
	shift
	lab_no_options
	while [ $# -gt 0 ]; do
		case $1 in
		--) shift && break ;;
		--build) build=${2?} && shift 2 ;;
		--timeout) limit=${2?} && shift 2 ;;
		*)
			lab_take_option "$@" || lab_fail "$who: no option '$1'"
			shift 2
			;;
		esac
	done
	lab_rest=("$@")
}

# What only makes sense together.
lab_check_options() { # LEG
	[ -z "$lab_own_directory" ] || [ "$lab_own_image" ] ||
		lab_fail "--modules: they are those of --kernel-image, which is not there"
	[ -z "$lab_config_append" ] || [[ $1 = *+* ]] ||
		lab_fail "--config-append: leg $1 has no domain 1"
	lab_has_xen "$1" || [ -z "$lab_xsm$lab_own_xen" ] ||
		lab_fail "leg $1 has no Xen"
}

lab_has_xen() { # LEG
	[[ $1 != cuse && $1 != *-host ]]
}

lab_architecture() { # LEG
	case $1 in
	arm64*) echo arm64 ;;
	*) echo amd64 ;;
	esac
}

# The drivers of one's own that this leg's guest loads when it has the program, and the others, which are in
# its image: what starts a second domain needs them earlier.
lab_late_modules() { # LEG
	[[ $1 != *+* ]]
}

# Fetches what the cell boots; leaves its name in $lab_cell.
lab_enter_cell() { # LEG
	local leg=$1 arch
	arch=$(lab_architecture "$leg")
	[ "$lab_kernel_wanted" != newest ] || lab_kernel_wanted=$(lab_newest_kernel "$arch")
	[ "$lab_kernel_wanted" ] || lab_fail "which kernel is the newest can't be found out"
	lab_fetch_boot "$arch"
	if [ "$lab_own_image" ]; then
		lab_take_kernel "$lab_own_image" "$lab_own_directory" "$arch"
		lab_cell=$leg-${lab_kernel##*/kernel-}
	else
		lab_fetch_kernel "$lab_kernel_wanted" "$arch"
		lab_cell=$leg-$lab_kernel_wanted
	fi
	lab_series=$(lab_kernel_version | cut -d. -f1,2)
	lab_has_xen "$leg" || return 0
	if [ "$lab_own_xen" ]; then
		lab_take_xen "$lab_own_xen" "$arch"
	else
		lab_fetch_xen "$lab_xen_wanted" "$arch"
	fi
	: "${lab_tools_wanted:=$lab_xen_wanted}"
	[[ $leg != *+* ]] || lab_fetch_tools "$lab_tools_wanted" "$arch"
	[ "$lab_xen_name" = 4.17 ] || lab_cell+=-xen$lab_xen_name
	[ "$lab_tools_wanted" = "$lab_xen_wanted" ] || lab_cell+=-tools$lab_tools_wanted
	[ -z "$lab_xsm" ] || lab_cell+=-$lab_xsm
	[ -z "$lab_config_append" ] || lab_cell+=-config$(echo "$lab_config_append" | lab_digest)
	[ ${#lab_own_modules[@]} = 0 ] || lab_cell+=-modules$(lab_name_own_modules "$leg")
}

# Late ones are another in each run: only their names are in the image's.
lab_name_own_modules() { # LEG
	local module
	for module in "${lab_own_modules[@]}"; do
		echo "${module%%=*}"
		lab_late_modules "$1" || lab_digest "${module#*=}"
	done | sort | lab_digest
}

# For who has to know before anything is booted: a line each.
describe() { # LEG [OPTION]...
	[ $# -gt 0 ] || lab_fail "describe: which leg? see ci/xen-lab --help"
	local leg=$1
	lab_check_leg "$leg"
	shift
	lab_take_options "$@"
	lab_check_options "$leg"
	lab_prepare "$leg"
	lab_lock
	lab_enter_cell "$leg"
	lab_unlock
	echo "kernel $(lab_kernel_version)"
	echo "arch $(lab_architecture "$leg")"
	! lab_has_xen "$leg" || echo "xen ${lab_tools_wanted}"
	[ -z "$lab_xsm" ] || echo "xsm $lab_xsm"
	echo "guest $lab_cache/images/$lab_cell"
	cat "$lab_kernel/banner"
}
