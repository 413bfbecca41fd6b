#!/bin/sh
# run-out-test.sh GNTSIM RUN-OUT: a program runs out of each thing that a domain or a machine has, as
# run, serve and control have set it, with the error that the driver gives. On each front that can be had.
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/script.sh"
gntsim=$(realpath "$1") out=$(realpath "$2")
mkfifo "$dir/fifo"

# ran_out TEXT OPTION...: what the program says.
ran_out() {
	text=$1
	shift
	expect 0 "run $front $*" "$gntsim" run --front $front "$@"
	says out "$text"
}

for front in socket fuse; do
	"$gntsim" run --front $front -- true 2>"$dir/why" || {
		[ $front != socket ] || complain "the socket front: $(cat "$dir/why")"
		echo "not played on $front: $(cat "$dir/why")"
		continue
	}
	ran_out "4, then ENOSPC" --limit 4 -- "$out" pages
	ran_out "5, then ENOSPC" --gntalloc-limit 5 -- "$out" pages
	ran_out "3, then EINVAL" --gntdev-limit 3 -- "$out" grants 3
	ran_out "504, then ENOSPC" --grant-frames 1 -- "$out" table
	ran_out "3, then ENOSPC" --ports 4 -- "$out" ports
	ran_out "6, then ENOMEM" --frames 6 -- "$out" pages
	# Of one domain: the other has what is usual.
	ran_out "3, then ENOSPC" --domain 1 --ports 4 -- "$out" ports
	ran_out "1000, then" --domain 1 --ports 4 -- true ::: -- "$out" ports
	ran_out "3, then ENOSPC" -- true ::: --domain 2 --ports 4 -- "$out" ports
	# QubesOS/qubes-issues 5674: a backend without map handles.
	rm -f "$dir/refs"
	ran_out "100, then EINVAL" --domain 1 --wait-for '^shared$' -- "$out" share 200 "$dir/refs" "$dir/fifo" \
		::: --domain 0 --maptrack-frames 1 -- "$out" map 100 200 "$dir/refs" "$dir/fifo"
	ran_out "both mapped" --domain 1 --wait-for '^shared$' -- "$out" share 200 "$dir/refs" "$dir/fifo" \
		::: --domain 0 -- "$out" map 100 200 "$dir/refs" "$dir/fifo"
done

# A served machine, of which domain 3 is made by hand.
front=socket
start machine "$gntsim" serve --socket "$dir/machine" --gntdev-limit 3 --domain 1 --ports 6 --guest pv --domain 2 --ports 4
ran_out "3, then EINVAL" --socket "$dir/machine" -- "$out" grants 3
ran_out "5, then ENOSPC" --socket "$dir/machine" --domain 1 -- "$out" ports
ran_out "3, then ENOSPC" --socket "$dir/machine" --domain 2 -- "$out" ports
expect 125 "another guest than serve was told" "$gntsim" run --socket "$dir/machine" --domain 1 --guest pvh -- true
says err "the domain exists with another guest type"
expect 0 "create" "$gntsim" control --socket "$dir/machine" create 3 pvh ports=5 gntalloc_limit=2
ran_out "4, then ENOSPC" --socket "$dir/machine" --domain 3 -- "$out" ports
ran_out "2, then ENOSPC" --socket "$dir/machine" --domain 3 -- "$out" pages
expect 125 "create again" "$gntsim" control --socket "$dir/machine" create 3 ports=6
says err "create: the domain exists: its limits are those that it was made with"
expect 125 "create as another" "$gntsim" control --socket "$dir/machine" create 3 pv
says err "create: the domain exists with another guest type"
expect 0 "limit, alone" "$gntsim" control --socket "$dir/machine" limit 3 7
ran_out "7, then ENOSPC" --socket "$dir/machine" --domain 3 -- "$out" pages
expect 0 "limit, by name" "$gntsim" control --socket "$dir/machine" limit 3 gntdev_limit=9
ran_out "9, then EINVAL" --socket "$dir/machine" --domain 3 -- "$out" grants 9
expect 125 "limit that stays" "$gntsim" control --socket "$dir/machine" limit 3 ports=9
says err "limit: that limit is set when a domain is made, by 'create'"
expect 125 "limit of the machine" "$gntsim" control --socket "$dir/machine" limit 3 frames=9
says err "expected a domain's limit such as maptrack_frames=1, found 'frames=9'"
expect 125 "limit of nobody" "$gntsim" control --socket "$dir/machine" limit 9 gntdev_limit=9
says err "limit: no such domain"
stop machine TERM

# The numbers are bounded.
expect 125 "too many ports" "$gntsim" run --ports 131073 -- true
says err "--ports: expected a number from 1 to 131072, found '131073'"
expect 125 "no frames" "$gntsim" serve --socket "$dir/s" --frames 0
says err "--frames: expected a number from 1 to 1048576, found '0'"
expect 125 "no memory for so many frames" sh -c 'ulimit -v 1000000; "$1" run --frames 1000000 -- true' sh "$gntsim"
says err "cannot map memory for 1000000 page frames, only for"

# Kernels, as play has them.
expect 0 "a kernel" "$gntsim" run --kernel 6.12 -- true
quiet
expect 0 "one that is not known" "$gntsim" run --kernel 6.9 -- true
says err "gntsim run: --kernel: model knows no kernel 6.9; it is played as 6.1, the newest before it"
expect 125 "too old" "$gntsim" run --kernel 5.4 -- true
says err "gntsim run: --kernel: model knows no kernel as old as 5.4"
expect 125 "no version" "$gntsim" serve --kernel x --socket "$dir/s"
says err "gntsim serve: --kernel: expected a version X.Y, found 'x'"
[ $failed = 0 ]
