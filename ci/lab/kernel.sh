# shellcheck shell=bash disable=SC2154 # lab_* come from ci/xen-lab
# Kernels: Debian's, by series or version, or somebody's own. Of each there is then a directory, $lab_kernel:
# image (an ELF vmlinux on amd64, an Image on arm64), banner (its own words on what it is), release, and
# modules (a directory of them, perhaps empty).

# The suites that Debian keeps kernels in: those with short lists, which have one of each series that is kept;
# then all.
lab_kernel_suites=(bullseye-security bookworm-security trixie-security bookworm-backports trixie-backports)
lab_more_kernel_suites=(bullseye bookworm trixie sid)

# Of lines "PACKAGE VERSION" the names of the kernels of a series (6.1), a version (6.1.192) or of all
# ("newest"), the newest first: what comes after linux-image-.
lab_pick_kernels() { # KERNEL ARCHITECTURE
	local series='[0-9]+\.[0-9]+' version=''
	case $1 in
	newest) ;;
	*.*.*) series=${1%.*} version=$1 ;;
	*) series=$1 ;;
	esac
	awk -v name="^linux-(image|binary)-${series//./\\.}\\.[0-9]+(-[0-9]+|\\+deb[0-9.+]+)?-$2\$" \
		-v version="$version" '
		$1 ~ name && (version == "" || index($2, version) == 1 && substr($2, length(version) + 1, 1) !~ /[0-9]/) {
			sub(/^linux-(image|binary)-/, "", $1)
			print $2, $1
		}' | sort -rV | cut -d' ' -f2 | uniq | grep .
}

lab_pick_kernel() { # KERNEL ARCHITECTURE
	lab_pick_kernels "$@" | sed -n 1p | grep .
}

lab_kernels_in_cache() {
	find "$lab_debs" -name 'linux-*.deb' -printf '%f\n' | sed 's/_/ /; s/_.*//'
}

lab_kernels_of_apt() {
	apt-cache pkgnames linux- | grep -E '^linux-(image|binary)-[0-9]' | xargs -r apt-cache madison |
		awk '{sub(/:.*/, "", $1); print $1, $3}'
}

# The packages that hold a kernel.
lab_packages_of_kernel() { # NAME
	echo "linux-image-$1"
	apt-cache depends "linux-image-$1" |
		awk -v name="$1" '{sub(/:[a-z0-9]*$/, "", $2)} $1 == "Depends:" && $2 ~ /^linux-(base|binary|modules)-/ &&
			substr($2, length($2) - length(name) + 1) == name {print $2}'
}

# Unpacks the newest kernel of those that apt-get now knows and that the archive serves, which an old suite's lists
# may name and its pool have no more; 1: there is none.
lab_unpack_kernel_of_apt() { # DIRECTORY KERNEL ARCHITECTURE
	local name said=''
	while read -r name; do
		[ -z "$said" ] || lab_say "not served, an older one:"
		# shellcheck disable=SC2046
		if said=$(lab_unpack "$1" $(lab_packages_of_kernel "$name") 2>&1); then
			[ -z "$said" ] || echo "$said" >&2
			return
		fi
		echo "$said" | sed -n 1p >&2
	done < <(lab_kernels_of_apt | lab_pick_kernels "$2" "$3")
	[ -z "$said" ] || echo "$said" | tail -n 1 >&2
	return 1
}

lab_unpack_kernel() { # DIRECTORY KERNEL ARCHITECTURE
	local name package packages=()
	if name=$(lab_kernels_in_cache | lab_pick_kernel "$2" "$3"); then
		for package in linux-{image,binary,modules,base}-"$name"; do
			[ -z "$(lab_deb "$package")" ] || packages+=("$package")
		done
		lab_unpack "$1" "${packages[@]}"
		return
	fi
	command -v apt-cache >/dev/null ||
		lab_fail "no kernel $2: put its packages (linux-image-$2...-$3) into $lab_debs"
	if [ "$3" = "$(dpkg --print-architecture)" ] && lab_unpack_kernel_of_apt "$@"; then
		return
	fi
	(
		lab_use_apt "kernels-$3" "$3" "${lab_kernel_suites[@]}"
		! lab_unpack_kernel_of_apt "$@" || exit 0
		lab_use_apt "more-kernels-$3" "$3" "${lab_kernel_suites[@]}" "${lab_more_kernel_suites[@]}"
		lab_unpack_kernel_of_apt "$@" ||
			lab_fail "Debian has no kernel $2 for $3 now: it has $(lab_kernels_of_apt |
				sed -nE "s/^linux-image-([0-9]+\.[0-9]+)\.[^ ]*-$3 .*/\1/p" |
				sort -uV | tr '\n' ' ')"
	)
}

# What "newest" is now.
lab_newest_kernel() { # ARCHITECTURE
	(
		lab_use_apt "kernels-$1" "$1" "${lab_kernel_suites[@]}"
		lab_kernels_of_apt | lab_pick_kernel newest "$1" | cut -d. -f1,2
	) || { lab_kernels_in_cache | lab_pick_kernel newest "$1" | cut -d. -f1,2; }
}

lab_has_bytes() { # FILE OFFSET TEXT
	[ "$(dd if="$1" bs=1 skip="$2" count="${#3}" 2>/dev/null | tr -d '\0')" = "$3" ]
}

# The ELF kernel inside a bzImage: booting it saves each guest the slow, emulated decompression.
lab_extract_vmlinux() { # VMLINUZ VMLINUX
	local magic unpack offset
	while read -r magic unpack; do
		while read -r offset; do
			tail -c "+$((offset + 1))" "$1" | $unpack >"$2.part" 2>/dev/null || true
			if lab_has_bytes "$2.part" 0 $'\x7fELF'; then
				mv "$2.part" "$2"
				return
			fi
		done < <(LC_ALL=C grep -aobP "$magic" "$1" | cut -d: -f1)
	done <<'END'
\xFD7zXZ\x00 xz -dc
\x28\xB5\x2F\xFD zstd -dc
\x1F\x8B\x08 gzip -dc
END
	rm -f "$2.part"
	lab_fail "no kernel found in $1 (are xz and zstd installed?)"
}

# An Image as it is, compressed as a file, or in an EFI program that unpacks it (which has the place, the
# size and the name of the compression at 8, 12 and 24).
lab_extract_image() { # FILE IMAGE
	local place size
	if lab_has_bytes "$1" 4 zimg; then
		place=$(od -An -tu4 -j8 -N4 "$1") size=$(od -An -tu4 -j12 -N4 "$1")
		tail -c "+$((place + 1))" "$1" | head -c "$((size))" >"$2.packed"
		case $(dd if="$1" bs=1 skip=24 count=8 2>/dev/null | tr -d '\0') in
		zstd*) zstd -dcq <"$2.packed" >"$2.part" ;;
		xz*) xz -dc <"$2.packed" >"$2.part" ;;
		*) gzip -dcq <"$2.packed" >"$2.part" || true ;; # the size may follow
		esac
		rm "$2.packed"
	elif lab_has_bytes "$1" 0 $'\x1f\x8b'; then
		gzip -dc <"$1" >"$2.part"
	else
		cp "$1" "$2.part"
	fi
	lab_has_bytes "$2.part" 56 'ARMd' ||
		lab_fail "$1 is no arm64 kernel: expected an Image, as it is, as .gz or as vmlinuz.efi"
	mv "$2.part" "$2"
}

# The image that is booted, of whatever kind of file.
lab_lay_kernel_image() { # FILE IMAGE ARCHITECTURE
	if [ "$3" = arm64 ]; then
		lab_extract_image "$1" "$2"
	elif lab_has_bytes "$1" 514 HdrS; then
		lab_extract_vmlinux "$1" "$2"
	elif lab_has_bytes "$1" 0 $'\x7fELF'; then
		# What it has for a debugger may be a hundred times what is booted.
		strip -s -o "$2" "$1" 2>/dev/null || cp "$1" "$2"
	else
		lab_fail "$1 is no amd64 kernel: expected a bzImage or a vmlinux"
	fi
}

# Leaves the directory as said above.
lab_settle_kernel() { # DIRECTORY IMAGE-FILE ARCHITECTURE
	LC_ALL=C grep -aom1 'Linux version [0-9].*' "$1/image.part" | head -n 1 | tr -d '\0' >"$1/banner" || true
	[ -s "$1/banner" ] || lab_fail "$2 says nowhere which version of Linux it is"
	awk '{print $3; exit}' "$1/banner" >"$1/release"
	if [ "$3" = amd64 ] && ! LC_ALL=C grep -aq 'Xen version' "$1/image.part"; then
		lab_fail "$2 ($(cat "$1/release")) is built without Xen (CONFIG_XEN_PV, CONFIG_XEN_PVH)"
	elif [ "$3" = arm64 ] && ! LC_ALL=C grep -aq 'xen,xen' "$1/image.part"; then
		lab_fail "$2 ($(cat "$1/release")) is built without Xen (CONFIG_XEN)"
	fi
	mv "$1/image.part" "$1/image"
}

# Its patch level: Debian's name for a kernel may have another (6.1.0-56 is 6.1.192).
lab_kernel_version() {
	sed -nE 's/.* Debian ([0-9]+\.[0-9]+\.[0-9]+).*/\1/p; t; s/^Linux version ([0-9]+\.[0-9]+(\.[0-9]+)?).*/\1/p' \
		"$lab_kernel/banner"
}

# Debian's kernel, once.
lab_fetch_kernel() { # KERNEL ARCHITECTURE
	local file
	lab_kernel=$lab_cache/kernel-$1
	[ "$2" = amd64 ] || lab_kernel+=-$2
	[ -e "$lab_kernel" ] || lab_unpack_kernel "$lab_kernel" "$1" "$2"
	[ ! -e "$lab_kernel/image" ] || return 0
	file=$(find "$lab_kernel/" -name 'vmlinuz*' -type f | head -n 1)
	[ "$file" ] || lab_fail "the packages of kernel $1 hold no vmlinuz"
	lab_lay_kernel_image "$file" "$lab_kernel/image.part" "$2"
	ln -sfn "$(cd "$lab_kernel" && compgen -G '*lib/modules/*' || cd "$lab_kernel" && compgen -G '*/lib/modules/*')" \
		"$lab_kernel/modules"
	lab_settle_kernel "$lab_kernel" "$file" "$2"
}

lab_digest() { # FILE...
	cat "$@" | md5sum | cut -c1-12
}

# Somebody's own: by its bytes, so that the same one is made once and another is another.
lab_take_kernel() { # IMAGE MODULES ARCHITECTURE
	lab_kernel=$lab_cache/kernel-own-$(
		{
			lab_digest "$1"
			[ -z "$2" ] || find -L "$2" -name '*.ko*' \( -name '*xen*' -o -name 'virtio*' \) -printf '%P %s %T@\n' | sort
		} | lab_digest
	)-$3
	[ ! -e "$lab_kernel/image" ] || return 0
	rm -rf "$lab_kernel"
	mkdir -p "$lab_kernel/modules"
	lab_lay_kernel_image "$1" "$lab_kernel/image.part" "$3"
	if [ "$2" ]; then
		rmdir "$lab_kernel/modules"
		ln -s "$(readlink -f "$2")" "$lab_kernel/modules"
	fi
	lab_settle_kernel "$lab_kernel" "$1" "$3"
}
