#!/bin/sh
# stuck-test.sh GNTSIM POINTS: a program that waits in the kernel where nothing ends it, and where nobody may look at it,
# holds up neither a run that looks for hangs nor a search: both tell of it.
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../script.sh"
gntsim=$(realpath "$1") points=$(realpath "$2")
limit=120
cd "$dir" || exit
mkdir tree tmp

"$gntsim" run --front fuse -- true 2>err || {
	echo "SKIP: no fuse here: $(cat err)"
	exit 77
}
start deaf "$gntsim" serve --socket "$dir/s" --leaks --mount "$dir/tree"
deaf=$(cat deaf.pid)

# It executes a program, for which a file is closed whose server has just been stopped: the kernel waits for that.
cat >stick.pl <<'P'
open(my $file, "<", $ARGV[0]) or die "$ARGV[0]: $!";
open(my $out, ">", $ARGV[2]) or die "$ARGV[2]: $!";
print $out $$;
close($out);
kill("STOP", $ARGV[1]);
for (;;) {
	open(my $status, "<", "/proc/$ARGV[1]/status") or die;
	last if grep(/^State:\tT/, <$status>);
}
exec("true");
P

# released WHAT: who is stuck was so until now, and ends when the server goes on.
released() {
	state=$(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$(cat stuck)/status")
	[ "$state" = S ] || [ "$state" = D ] || complain "$1: nobody was stuck: '$state'"
	kill -CONT "$deaf"
	timeout 10 tail -s 0.05 --pid="$(cat stuck)" -f /dev/null || complain "$1: process $(cat stuck) stays"
}

"$gntsim" run --hang=4s -- perl stick.pl tree/0/evtchn "$deaf" stuck 2>hang.err &
echo $! >run.pid
for _ in $(seq 600); do
	grep -q 'perl (process .*): ' hang.err && break
	sleep 0.05
done
grep -q 'perl (process .*): a call that the kernel does not tell$' hang.err || complain "the run: $(cat hang.err)"
released "the run"
wait "$(cat run.pid)" && complain "the run: it says that it did not hang"
rm run.pid

# The client is stuck if the server has died.
cat >server <<'S'
mkfifo "$TMPDIR/held"
echo ready
exec 9>"$TMPDIR/held"
"$1" calls && : >"$TMPDIR/whole"
S
cat >client <<'S'
cat "$TMPDIR/held"
[ -e "$TMPDIR/whole" ] || exec perl stick.pl tree/0/evtchn "$1" stuck
S
TMPDIR=$dir/tmp expect 1 "a search" "$gntsim" crash --points calls --victim dom0 --sample 1 --jobs 1 --hang 4000 -- --wait-for ready -- \
	sh server "$points" ::: --domain 1 -- sh client "$deaf"
says out "FAILED  hang at 1:call:"
says out "perl waits in a call that the kernel does not tell"
released "a search"
[ -z "$(ls -A tmp)" ] || complain "a search: $(ls -A tmp) stays"
stop deaf TERM
[ $failed = 0 ]
