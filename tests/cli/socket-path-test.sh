#!/bin/sh
# Where a machine listens nothing is lost: only a dead socket that a broker left is replaced, and only
# one's own is removed.
# usage: socket-path-test.sh GNTSIM OTHER_SERVER
gntsim=$(realpath "$1") other=$(realpath "$2")
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/script.sh"
s=$dir/s

# refused WHAT WHY: serve says why not, and what stands there is what stood there.
refused() {
	before=$(stat -c '%i %F %s' "$s")
	expect 125 "$1" "$gntsim" serve --socket "$s"
	says err "cannot listen at $s"
	says err "$2"
	[ "$(stat -c '%i %F %s' "$s" 2>&1)" = "$before" ] || complain "$1: it is not there any more"
	[ ! -e "$s.lock" ] || complain "$1: a lock file is left"
}

echo kept >"$s"
refused "a regular file" "a regular file is there"
rm "$s"
ln -s "$dir/nowhere" "$s"
refused "a dangling link" "a symbolic link is there"
echo kept >"$dir/nowhere"
refused "a link to a file" "a symbolic link is there"
[ "$(cat "$dir/nowhere")" = kept ] || complain "the link's target is lost"
rm "$s"
mkfifo "$s"
refused "a FIFO" "a FIFO is there"
rm "$s"
mkdir "$s"
refused "a directory" "a directory is there"
rmdir "$s"
for kind in stream packets; do
	for how in silent deaf full; do
		start other "$other" "$s" $kind $how
		[ "$line" = ready ] || complain "other-server $kind $how: $(cat "$dir/other.err")"
		refused "another's $kind socket, $how" "a socket is there that no broker of gntsim's left"
		stop other KILL
		rm -f "$s"
	done
	"$other" "$s" $kind dead
	refused "another's dead $kind socket" "a socket is there that no broker of gntsim's left"
	rm "$s"
done

# A broker's own dead socket is replaced, and nothing is left of the one that replaces it.
start serve "$gntsim" serve --socket "$s"
expect 125 "a living machine" "$gntsim" serve --socket "$s"
says err "a machine is served there"
expect 0 "it lives on" "$gntsim" status --socket "$s"
stop serve KILL
[ -S "$s" ] || complain "the test itself: a killed broker leaves its socket"
start serve "$gntsim" serve --socket "$s"
[ "$line" = "gntsim: serving $s" ] || complain "a dead broker's socket: $(cat "$dir/serve.err")"
stop serve TERM
[ ! -e "$s" ] && [ ! -e "$s.lock" ] || complain "left behind: $(ls "$dir")"

# Killed; then another's socket took the place of the one that was left.
start serve "$gntsim" serve --socket "$s"
stop serve KILL
rm "$s"
"$other" "$s" packets dead
expect 125 "another's in a dead broker's place" "$gntsim" serve --socket "$s"
says err "a socket is there that no broker of gntsim's left"
[ -S "$s" ] || complain "another's in a dead broker's place: it is gone"
rm -f "$s" "$s.lock"

# An ending broker leaves what is another's by then.
start serve "$gntsim" serve --socket "$s"
rm "$s"
"$other" "$s" packets dead
stop serve TERM
[ -S "$s" ] || complain "an ending broker has removed another's socket"
rm -f "$s"
start serve "$gntsim" serve --socket "$s"
rm "$s"
echo kept >"$s"
stop serve TERM
[ "$(cat "$s" 2>/dev/null)" = kept ] || complain "an ending broker has removed a file"
rm -f "$s"
# And two machines that were given one path: the second after the first one's socket and lock went.
start first "$gntsim" serve --socket "$s"
rm -f "$s" "$s.lock"
start serve "$gntsim" serve --socket "$s"
stop first TERM
expect 0 "the second machine is reached" "$gntsim" status --socket "$s"
expect 125 "its lock is there" "$gntsim" serve --socket "$s"
stop serve TERM

# A lock file's name may be taken as well.
echo kept >"$s.lock"
expect 125 "a file with the lock's name" "$gntsim" serve --socket "$s"
says err "$s.lock: it is not a lock file of gntsim's"
[ "$(cat "$s.lock")" = kept ] || complain "a file with the lock's name: it is lost"
rm "$s.lock"
echo kept >"$dir/target"
ln -s "$dir/target" "$s.lock"
expect 125 "a link with the lock's name" "$gntsim" serve --socket "$s"
[ "$(cat "$dir/target")" = kept ] || complain "a link with the lock's name: its target is lost"
rm "$s.lock"

# Many at once at a dead broker's path: one of them serves.
start serve "$gntsim" serve --socket "$s"
stop serve KILL
mkfifo "$dir/ended"
exec 8<>"$dir/ended"
for i in 1 2 3 4 5 6; do
	{
		"$gntsim" serve --socket "$s" >"$dir/$i.out" 2>"$dir/$i.err" &
		echo $! >"$dir/$i.pid"
		wait $!
		echo $i >&8
	} &
done
for i in 1 2 3 4 5; do
	read -r line <&8
	rm -f "$dir/$line.pid"
	grep -q "a machine is served there" "$dir/$line.err" || complain "of many: $(cat "$dir/$line.err")"
done
expect 0 "one of many" "$gntsim" status --socket "$s"
kill "$(cat "$dir"/[1-6].pid)"
read -r line <&8
rm -f "$dir"/[1-6].pid
[ ! -e "$s" ] || complain "many: the socket is left behind"
[ $failed = 0 ]
