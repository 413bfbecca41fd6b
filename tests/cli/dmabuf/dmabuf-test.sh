#!/bin/sh
# dmabuf-test.sh GNTSIM USE-DMABUF: gntdev's dma-buf calls, on each front that can be had; and that they are not
# there unless they are asked for.
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../script.sh"
gntsim=$(realpath "$1") use=$(realpath "$2")

for front in socket ptrace fuse cuse; do
	"$gntsim" run --front $front -- true 2>"$dir/why" || {
		[ $front != socket ] || complain "the socket front: $(cat "$dir/why")"
		echo "not tried on $front: $(cat "$dir/why")"
		continue
	}
	expect 0 "$front" "$gntsim" run --front $front --dmabuf -- "$use" all
	quiet
done
# Recorded, all of it comes back: on the model, and on a front.
expect 0 "recorded" "$gntsim" run --dmabuf --record "$dir/recorded.scn" -- "$use" all
grep -q '= 0 {fd=' "$dir/recorded.scn" || complain "no export in the recording"
expect 0 "played" "$gntsim" play "$dir/recorded.scn"
limit=60 expect 0 "played on a front" "$gntsim" play --on socket "$dir/recorded.scn"
expect 0 "traced" "$gntsim" run --dmabuf --trace "$dir/trace" --trace-format json -- "$use" all
grep -q '"device":"dmabuf","file":1' "$dir/trace" || complain "no dma-buf in the trace"
expect 0 "as a picture" "$gntsim" timeline "$dir/trace" -o "$dir/picture.svg"
expect 0 "none" "$gntsim" run -- "$use" absent
# As Linux and Xen: on arm64 alone, and not to be mapped.
expect 0 "arm64" "$gntsim" run --arch arm64 --dmabuf=linux -- "$use" linux
expect 0 "amd64" "$gntsim" run --dmabuf=linux -- "$use" refused

if "$gntsim" run --front fuse --assist=no -- true 2>"$dir/why"; then
	expect 0 "without assistance" "$gntsim" run --front fuse --assist=no --dmabuf -- "$use" absent
	says err "no dma-bufs"
else
	echo "not tried without assistance: $(cat "$dir/why")"
fi

start machine "$gntsim" serve --socket "$dir/machine" --dmabuf
expect 0 "served" "$gntsim" run --socket "$dir/machine" -- "$use" all
expect 125 "of a machine that is there" "$gntsim" run --socket "$dir/machine" --dmabuf -- "$use" all
expect 125 "another word" "$gntsim" run --dmabuf=some -- true
says err "--dmabuf: expected all or linux, found 'some'"
exit "$failed"
