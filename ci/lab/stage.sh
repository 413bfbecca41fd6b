# shellcheck shell=bash disable=SC2154,SC2034 # lab_* come from and go to ci/xen-lab; leg, limit, boot and directory are the caller's
# Stages: a guest that is frozen again when it has its program and files, for many runs with arguments of their
# own. It lasts as long as who made it.

lab_stage_variables=(lab_kernel lab_image lab_hypervisor lab_xsm lab_append lab_cell lab_leg)

stage() {
	local leg limit=120 boot='' directory='' lab_command=stage lab_staged=yes
	lab_take_run_options "$@"
	[ -z "$boot" ] || lab_fail "stage: no --boot and no --append: its guest is thawed"
	[ -z "$directory" ] || lab_fail "stage: no --stage: it makes one"
	lab_check_program "${lab_rest[@]}"
	[ ${#lab_rest[@]} = 1 ] || lab_fail "stage: arguments are given to run --stage"
	lab_check_options "$leg"
	lab_prepare "$leg"
	lab_ready_image "$leg"
	: "${lab_log:=$lab_cache/log/$lab_cell.log}"
	rm -rf "$lab_directory"
	lab_enter_stage
	lab_make_payload "$lab_directory/payload" "${lab_rest[@]}"
	lab_freeze_stage "$leg" "$lab_directory" "$limit"
	rm "$lab_directory/payload"
	declare -p "${lab_stage_variables[@]}" | sed 's/^declare --/declare -g/' >"$lab_directory/variables"
	echo "$lab_directory"
	mkfifo "$lab_directory/never"
	# (No process of its own: that would outlive a SIGKILL, and the lock with it.)
	exec >&- 7<>"$lab_directory/never"
	read -r _ <&7
}

# Makes $lab_directory, where the image has its memory: there is room for another. Those that were left behind go.
lab_enter_stage() {
	local old
	lab_lock
	for old in "$lab_cache"/stage.*; do
		[ ! -e "$old" ] || flock -n "$old/lock" rm -rf "$old" || true
	done
	lab_directory=$(mktemp -d "$lab_cache/stage.XXXXXX")
	exec 5>"$lab_directory/lock"
	flock 5
	lab_unlock
}

# Of run, in the stage of $directory.
lab_run_staged() { # [ARGUMENT]...
	local words
	[ -z "$boot${lab_cell_options[*]}${lab_files[*]}" ] ||
		lab_fail "run --stage: what is booted, and its files, were said to stage"
	[ -e "$directory/variables" ] || lab_fail "no stage $directory: ci/xen-lab stage makes one, which lasts as long as that runs"
	words=$(lab_quote "$@")
	[[ $words != *$'\n'* ]] || lab_fail "run --stage: an argument with a line's end can't be passed"
	# shellcheck disable=SC1091
	. "$directory/variables"
	[ "$lab_leg" = "$leg" ] || lab_fail "$directory is a stage of leg $lab_leg"
	: "${lab_log:=$lab_cache/log/$lab_cell.log}"
	lab_make_directory
	printf '%s\n' "$words" >"$lab_directory/payload.in"
	lab_run_payload "$leg" "$lab_directory" "$limit" "$directory"
}
