# shellcheck shell=bash disable=SC2154 # lab_* come from ci/xen-lab
# The scenarios through the CUSE front, in a guest whose kernel has CUSE: the host's own need not.

# In the array lab_files: the command, its preloaded library, and what they are linked with.
lab_lay_gntsim() { # DIRECTORY BUILD
	local library entry
	mkdir -p "$1/fakedev/preload"
	cp "$2/fakedev/preload/libgntsim-preload.so" "$1/fakedev/preload/"
	lab_files=(--file "$2/gntsim=/lab/gntsim" --file "$1/fakedev=/lab/fakedev")
	# Every library that it needs, and the dynamic linker, where they are expected.
	"$lab_pieces/libraries" "$2/gntsim" | sort -u | while read -r library; do
		mkdir -p "$1/root$(dirname "$library")"
		cp -L "$library" "$1/root$library"
	done
	for entry in "$1"/root/*; do
		lab_files+=(--file "$entry=/$(basename "$entry")")
	done
}

cuse() { # [OPTION]... [--build DIRECTORY] [--timeout SECONDS] [-- PLAY-ARGUMENT...]
	local root=$lab_pieces/../.. build='' limit=900
	lab_take_tree_options cuse "$@"
	set -- "${lab_rest[@]}"
	build=${build:-$root/build}
	[ -x "$build/gntsim" ] ||
		lab_fail "no $build/gntsim: meson setup build && ninja -C build, or --build"
	[ $# -gt 0 ] || set -- --tap --doubt --by-capability scenarios
	lab_prepare cuse
	lab_lay_gntsim "$lab_directory/tree" "$build"
	"$lab_self" run cuse "${lab_cell_options[@]}" --timeout "$limit" "${lab_files[@]}" \
		--file "$root/scenarios=/lab/scenarios" -- \
		"$lab_pieces/play-cuse" "$@"
}
