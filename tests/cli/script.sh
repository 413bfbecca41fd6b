# What the scripts of this directory share: $dir, which goes at the end with what was started in it,
# and expectations that are counted in $failed.
set -u
dir=$(mktemp -d)
failed=0

clean_up() {
	for file in "$dir"/*.pid; do
		[ -e "$file" ] || continue
		kill -9 "$(cat "$file")" 2>/dev/null
		wait "$(cat "$file")" 2>/dev/null
	done
	rm -rf "$dir"
}
trap clean_up EXIT

complain() {
	failed=$((failed + 1))
	echo "$@"
}

# Leaves, if there is no xenstored here.
needs_xenstored() {
	ls /usr/lib/xen-*/bin/xenstored >/dev/null 2>&1 && return
	echo "skipped: no xenstored (package xen-utils-4.17)"
	exit 77
}

# expect STATUS WHAT COMMAND...; stdout and stderr go to $dir/out and $dir/err.
expect() {
	want=$1 what=$2
	shift 2
	timeout "${limit:-30}" "$@" >"$dir/out" 2>"$dir/err"
	got=$?
	[ $got = "$want" ] && return
	complain "$what: expected status $want, got $got"
	sed 's/^/    /' "$dir/out" "$dir/err"
}
# says out|err TEXT: the last command's output holds the text.
says() {
	grep -qF -e "$2" "$dir/$1" && return
	complain "$what: expected '$2' on std$1, got:"
	sed 's/^/    /' "$dir/$1"
}
quiet() {
	[ ! -s "$dir/err" ] && return
	complain "$what: expected nothing on stderr, got:"
	sed 's/^/    /' "$dir/err"
}

# start NAME COMMAND...: in the background, its number in NAME.pid, its stderr in NAME.err; returns
# when it has printed its first line, which is $line then, or has ended.
start() {
	name=$1
	shift
	rm -f "$dir/ready"
	mkfifo "$dir/ready"
	"$@" >"$dir/ready" 2>"$dir/$name.err" &
	echo $! >"$dir/$name.pid"
	line=
	read -r line <"$dir/ready"
}
# stop NAME SIGNAL: returns its status in $got.
stop() {
	kill -"$2" "$(cat "$dir/$1.pid")"
	wait "$(cat "$dir/$1.pid")" 2>/dev/null
	got=$?
	rm "$dir/$1.pid"
}
