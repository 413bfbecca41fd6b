#!/bin/sh
# SPDX-License-Identifier: MIT
# In a guest of ci/xen-lab, as if that were somebody's box: unpacks /lab/kit.tar, and does what its README says,
# without a word of what the lab knows. Between two domains the console is the channel.
cd /tmp && tar xf /lab/kit.tar && cd gntsim-kit || exit 125

# What README has the reader type after these words.
typed() {
	sed -n "s/^    $1\\.\\/run\\( --first CHANNEL\\| --second CHANNEL\\)*\$/.\\/run\\1/p" README | head -n 1
}
case ${GNTSIM_LAB_ROLE-} in
dom0) words=$(typed 'A: ') channel=$(xenstore-read /local/domain/1/console/tty) ;;
domU) words=$(typed 'B: ') channel=/dev/hvc0 ;;
*) words=$(typed '') channel='' ;;
esac
words=$(echo "$words" | sed "s|CHANNEL|$channel|")
[ "$words" ] || {
	echo "README does not say what to type" >&2
	exit 125
}
echo "# $words"
# shellcheck disable=SC2086
exec env -i PATH="$PATH" $words
