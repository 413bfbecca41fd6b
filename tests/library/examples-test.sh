#!/bin/sh
# examples-test.sh SOURCE-ROOT BUILD-ROOT ARGS...: examples.py with this build, in a directory of its
# own.
set -eu
here=$(realpath "$(dirname "$0")")
export PATH="$2:$PATH" PKG_CONFIG_PATH="$2/meson-uninstalled" LD_LIBRARY_PATH="$2/sim:$2/binding"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
ln -s "$2" build
shift 2
"$here/examples.py" "$@"
