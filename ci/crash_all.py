"""ci/crash-all [OPTIONS]: gntsim crash at all points of the programs of tests/crash, and one table of it.

Both programs of each are victims, at calls and at stores. A planted bug has to be found in the line that
makes it (it says "here"), its mended twin to be silent; of the pair on libxenvchan is told what there is.

  --jobs N       runs at a time (as many as processors)
  --only TEXT    only searches with TEXT in their name
  --shard K/N    only the Kth of N parts of each, for several machines; the table is of all parts whose reports
                 are in the directory
  --budget SECONDS  for all; a search that it ends is made again the next time
  --output DIR   where the reports are (build/crash-all): what has one, newer than gntsim and the program, is
                 not searched again
  --again        forget those that are there
  --table        search nothing, only print the table

Exit status: 0 all is as expected, 1 something is not, 2 not all was searched, 125 it could not be tried.
"""
import argparse
import collections
import ctypes
import glob
import json
import os
import re
import signal
import subprocess
import sys
import time

BUILD = "build"
GNTSIM = f"{BUILD}/gntsim"
CASES = "tests/crash/cases"
PROGRAMS = f"{BUILD}/tests/crash"

def fail(message):
    print(f"ci/crash-all: {message}", file=sys.stderr)
    sys.exit(125)


class Parser(argparse.ArgumentParser):
    def error(self, message):
        fail(message)


Search = collections.namedtuple("Search", "name options command program line")


def case_searches(path):
    """The bug and its twin, as the comment in the case says they are run."""
    case = os.path.basename(path)[:-2]
    with open(path, encoding="utf-8") as file:
        text = file.read()
    line = next(n for n, one in enumerate(text.split("\n"), 1) if "here */" in one)
    options = re.search(r"^ \*     (--.*)$", text, re.M)
    command = re.search(r"^ \*     (CASE .*)$", text, re.M)
    command = command[1] if command else "CASE server ::: --domain 1 -- CASE client"
    for name in (case, f"{case}-mended"):
        program = f"{PROGRAMS}/{name}"
        yield Search(name, options[1].split() if options else [],
                     ["--wait-for", "ready", "--"] + command.replace("CASE", program).split(), program,
                     f"{case}.c:{line}" if name == case else "")


def searches():
    for path in sorted(glob.glob(f"{CASES}/*.c")):
        for one in case_searches(path):
            yield one._replace(options=["--points", "all"] + one.options)
    program = f"{PROGRAMS}/vchan"
    # Stores take longest.
    for points in ("calls", "stores") if os.path.exists(program) else ():
        for guest in ("pv", "pvh"):
            command = ["--xenstore", "--wait-for", "ready", "--", program, "server", ":::", "--domain", "1",
                       "--guest", guest, "--", program, "client"]
            yield Search(f"vchan-{guest}-{points}", ["--points", points], command, program, None)


def is_whole(path, search):
    """A report of all points, of these programs."""
    try:
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
    except (OSError, ValueError):
        return False
    made = os.path.getmtime(path)
    return (report["tried"] == report["planned"] and made > os.path.getmtime(GNTSIM)
            and made > os.path.getmtime(search.program))


def report_path(args, search):
    shard = args.shard.replace("/", "-")
    return f"{args.output}/{search.name}.{shard}.json"


def die_with_parent():
    """However we end, nothing goes on."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def run(args, search, until):
    """Returns what is wrong, if it could not be searched."""
    path = report_path(args, search)
    words = [GNTSIM, "crash", *search.options, "--shard", args.shard, "--json", f"{path}.new"]
    if args.jobs:
        words += ["--jobs", str(args.jobs)]
    if until:
        words += ["--budget", str(max(1, int(until - time.monotonic())))]
    done = subprocess.run(words + ["--"] + search.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False, preexec_fn=die_with_parent)
    if done.returncode in (0, 1, 2) and os.path.exists(f"{path}.new"):
        os.rename(f"{path}.new", path)
        return ""
    return done.stderr.strip() or f"status {done.returncode}"


def merged(args, search):
    """The report of all shards that are there, and whether it is whole."""
    n = args.shard.split("/")[1]
    paths = [p for p in glob.glob(f"{args.output}/{search.name}.*-{n}.json") if is_whole(p, search)]
    if not paths:
        return None, False
    done = subprocess.run([GNTSIM, "crash", "--merge", "--json", "-", *paths], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 1, 2):
        fail(done.stderr.strip())
    return json.loads(done.stdout), "missing" not in done.stderr


def verdict(search, report):
    failed = [p for p in report["points"] if p["failed"]]
    if search.line is None:
        return True, ""
    if not search.line:
        return not failed, "silent" if not failed else f"NOT SILENT: {failed[0]['point']}"
    found = any(f"({search.line})" in p["site"] for p in failed)
    return found, f"found at {search.line}" if found else f"NOT FOUND at {search.line}"


def print_table(args, chosen):
    """Returns the exit status."""
    total, status = collections.Counter(), 0
    print(f"{'search':28} {'points':>7} {'failed':>7} {'seconds':>8} {'a second':>8}  outcomes")
    for search in chosen:
        report, whole = merged(args, search)
        if not report:
            print(f"{search.name:28} not searched")
            status = status or 2
            continue
        right, said = verdict(search, report)
        seconds = report["ms"] / 1000
        kinds = collections.Counter(p["outcome"] for p in report["points"])
        words = ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())
        print(f"{search.name:28} {report['tried']:7} {report['failed']:7} {seconds:8.1f} "
              f"{report['tried'] / max(seconds, 0.001):8.2f}  {words}"
              f"{'; ' + said if said else ''}{'' if whole else '; shards are missing'}")
        total.update(points=report["tried"], failed=report["failed"], ms=report["ms"])
        if not right and whole:
            status = 1
        status = status or (0 if whole else 2)
    seconds = total["ms"] / 1000
    print(f"{'all':28} {total['points']:7} {total['failed']:7} {seconds:8.1f} "
          f"{total['points'] / max(seconds, 0.001):8.2f}")
    return status


def main():
    parser = Parser(usage=__doc__)
    parser.add_argument("--jobs", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--shard", default="1/1")
    parser.add_argument("--budget", type=int, default=0)
    parser.add_argument("--output", default=f"{BUILD}/crash-all")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--table", action="store_true")
    args = parser.parse_args()
    if not re.fullmatch(r"[1-9]\d*/[1-9]\d*", args.shard):
        fail(f"--shard: expected K/N, found '{args.shard}'")
    os.makedirs(args.output, exist_ok=True)
    until = time.monotonic() + args.budget if args.budget else 0
    chosen = [s for s in searches() if args.only in s.name]
    if not chosen:
        fail(f"no search is called '{args.only}'")
    wrong = False
    for search in chosen if not args.table else ():
        if not args.again and is_whole(report_path(args, search), search):
            continue
        if until and time.monotonic() > until:
            break
        why = run(args, search, until)
        if why:
            print(f"{search.name}: {why}", file=sys.stderr)
            wrong = True
    status = print_table(args, chosen)
    return 125 if wrong else status


if __name__ == "__main__":
    sys.exit(main())
