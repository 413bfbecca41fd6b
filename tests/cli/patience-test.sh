#!/bin/sh
# Nobody waits for ever for a machine that is stopped, or for what is no machine; what is said names
# the socket and the reason.
# usage: patience-test.sh GNTSIM OTHER_SERVER
gntsim=$(realpath "$1") other=$(realpath "$2")
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/script.sh"
s=$dir/s

commands="status show create destroy run"
# each WHY: every command that asks a machine ends, and says why.
each() {
	for command in $commands; do
		case $command in
		status | show) words= ;;
		run) words="-- true" ;;
		create) words="create 1" command=control ;;
		destroy) words="destroy 1" command=control ;;
		esac
		# shellcheck disable=SC2086
		expect 125 "$command $words: $1" "$gntsim" $command --socket "$s" --patience 1 $words
		says err "$s"
		says err "$1"
	done
}

start serve "$gntsim" serve --socket "$s"
kill -STOP "$(cat "$dir/serve.pid")"
each "does not answer within 1 second"
kill -CONT "$(cat "$dir/serve.pid")"
expect 0 "it goes on" "$gntsim" status --socket "$s"
stop serve TERM
for how in silent full; do
	start other "$other" "$s" packets $how
	commands="status run"
	each "does not answer within 1 second"
	stop other KILL
	rm -f "$s"
done
commands="status show create destroy run"
start other "$other" "$s" packets rubbish
each "it speaks another protocol"
stop other KILL
rm -f "$s"
start other "$other" "$s" packets closing
each "closes the connection"
stop other KILL
rm -f "$s"
start other "$other" "$s" stream silent
each "the socket there is another program's"
stop other KILL
rm -f "$s"
"$other" "$s" packets dead
each "nobody listens at the socket"
rm -f "$s"
echo text >"$s"
each "that is no socket"
rm -f "$s"
each "No such file or directory"

for bad in 0 -1 x 1x ''; do
	expect 125 "--patience '$bad'" "$gntsim" status --socket "$s" --patience "$bad"
	says err "--patience: expected a number"
done

# play: a broker that is stopped at the last step of the start, in a process's call, at the end.
cat >"$dir/gntsim" <<END
#!/bin/sh
case \$1 in
serve) echo \$\$ >"$dir/served"; exec "$gntsim" "\$@" ;;
esac
command=\$1
shift
[ \$command != \$STOP_BEFORE ] || kill -STOP \$(cat "$dir/served")
"$gntsim" \$command --patience 1 "\$@"
status=\$?
[ \$command != \$STOP_AFTER ] || kill -STOP \$(cat "$dir/served")
exit \$status
END
chmod +x "$dir/gntsim"
cat >"$dir/stopped.scn" <<END
domain dom0
process A in dom0
advance 1s
A: open("/dev/xen/gntalloc", O_RDWR) = ga
END
ask="env GNTSIM=$dir/gntsim $gntsim play --on socket $dir/stopped.scn"
expect 0 "play" env STOP_BEFORE=nothing STOP_AFTER=nothing $ask
expect 125 "play: the broker stops at the start" env STOP_BEFORE=run STOP_AFTER=nothing $ask
says err "does not answer within 1 second"
says out "a process of the scenario did not start"
expect 125 "play: the broker stops in a step" env STOP_BEFORE=control STOP_AFTER=nothing $ask
says out "gntsim control --socket failed: what listens at "
# Why a machine does not start is told where the verdict is, not on standard error alone.
cat >"$dir/broken" <<'END'
#!/bin/sh
[ $1 != serve ] || echo 'gntsim: cannot make an epoll set: Too many open files' >&2
exit 125
END
chmod +x "$dir/broken"
expect 125 "play: the broker does not start" env GNTSIM="$dir/broken" "$gntsim" play --on socket --tap --junit "$dir/junit" "$dir/stopped.scn"
says out "gntsim serve did not start: cannot make an epoll set: Too many open files"
says err "gntsim: cannot make an epoll set: Too many open files"
grep -q "gntsim serve did not start: cannot make an epoll set: Too many open files" "$dir/junit" ||
	complain "$what: $(cat "$dir/junit")"
limit=150 # it waits 20 s for the call, and for what it ends
expect 125 "play: the broker stops before a call" env STOP_BEFORE=nothing STOP_AFTER=control $ask
says out "a process of the scenario hangs in open"
rm -f "$s"

# Nor for a tree whose machine is stopped: whoever looks at it himself is deaf to signals.
mkdir "$dir/tree"
cd "$dir" || exit
start serve "$gntsim" serve --socket "$s" --mount "$dir/tree"
if [ -n "$line" ]; then
	kill -STOP "$(cat "$dir/serve.pid")"
	for tree in "$dir/tree" tree tree/ tree/0; do
		expect 125 "--mount $tree, of a stopped machine" timeout -s KILL 20 \
			"$gntsim" serve --socket "$dir/other" --mount "$tree"
		says err "cannot mount at $tree: nothing answers there"
	done
	kill -CONT "$(cat "$dir/serve.pid")"
	expect 125 "--mount, of a machine that serves" "$gntsim" serve --socket "$dir/other" --mount tree
	says err "another machine's tree is mounted at $dir/tree"
	stop serve TERM
	[ $got = 0 ] || complain "serve --mount: expected 0, got $got"
else
	wait "$(cat "$dir/serve.pid")"
	rm "$dir/serve.pid"
	echo "no tree can be mounted here: $(cat "$dir/serve.err")"
fi
[ $failed = 0 ]
