#!/bin/sh
# SPDX-License-Identifier: MIT
# headers-names.sh CC... UAPI.H: an X() for each constant of the three drivers that the headers define.
set -eu
for header; do :; done
while [ $# -gt 1 ]; do
	set -- "$@" "$1"
	shift
	[ "$1" = "$header" ] && break
done
shift
# The other headers of xen/ that a kernel may have are not the drivers'.
"$@" -E -dM -x c "$header" |
	sed -nE 's/^#define ((IOCTL_(GNTALLOC|GNTDEV|EVTCHN)|GNTALLOC_FLAG|UNMAP_NOTIFY|GNTDEV_DMA_FLAG|GNTCOPY)_[A-Za-z_]+) .*/X(\1)/p' |
	LC_ALL=C sort
