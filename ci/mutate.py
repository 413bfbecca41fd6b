"""ci/mutate [OPTIONS]: changes one thing at a time in sim/ and asks the tests.

Each mutant (ci/mutants.py says by which rules they are made) is compiled, the corpus is played on it, on several
kinds of machine, and, if that notices nothing, the unit tests are run; then both, on one kind, with the model under
the address sanitizer, which sees what is read or leaked in silence. What nobody notices survives: a rule that no
test holds, or a change without effect. Those of the second kind stand in ci/mutants-without-effect, each with its
reason.

  --jobs N         at a time (as many as processors)
  --shard K/N      only the Kth of N parts
  --only TEXT      only files and functions with TEXT in "FILE:FUNCTION"
  --again          forget what earlier runs found (a mutant that was caught is not tried again until its
                   function changes; a survivor is tried each time)
  --list           only lists the mutants
  --survivors FILE writes them there too, as ci/mutants-without-effect has them

Exit status: 0 no survivor without a reason, 1 there are some, 125 it could not be tried.
"""
import concurrent.futures
import glob
import json
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(__file__))
from mutants import mutants_of  # noqa: E402
from mutation import changed, describe, fail, is_chosen, parser, reasons, shard, tell_survivors  # noqa: E402

BUILD = "build"
STATE = "build/mutate"
REASONS = "ci/mutants-without-effect"
# What looks at the model, and is no rule of it.
NO_RULES = {"sim/check.c", "sim/check_xen.c", "sim/inspect.c"}
LIBRARY = "libgntsim.so.0"
SECONDS = 3  # of processor, for what takes a tenth of one
# What the corpus is played on, and what the tests play it on, too.
VARIANTS = ([], ["--xsm", "silo"], ["--kernel", "5.10.262"], ["--kernel", "6.12.117"], ["--arch", "arm64"])
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]


def commands():
    """The compile command of each file of sim/, without warnings, as a list without -o and -c."""
    with open(f"{BUILD}/compile_commands.json", encoding="utf-8") as file:
        entries = json.load(file)
    out = {}
    for entry in entries:
        path = os.path.relpath(os.path.join(BUILD, entry["file"]))
        if not path.startswith("sim/") or not entry["output"].startswith("sim/libgntsim"):
            continue
        words = shlex.split(entry["command"])
        kept, skip = [], False
        for word in words:
            if skip:
                skip = False
            elif word in ("-o", "-c", "-MF", "-MQ"):
                skip = True
            elif word not in ("-MD", "-g", "-fdiagnostics-color=always") and not word.startswith("-W"):
                kept.append(word)
        out[path] = kept + ["-w"]
    return out


def limits():
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limits_sanitized():
    """It reserves terabytes, and is some times slower."""
    resource.setrlimit(resource.RLIMIT_CPU, (4 * SECONDS, 4 * SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def quiet(words, limit=limits, **more):
    """Whether it ends with 0, within its limits."""
    try:
        return subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=100 * SECONDS, preexec_fn=limit,
                              check=False, **more).returncode == 0
    except subprocess.TimeoutExpired:
        return False


class Bench:
    """Compiles a mutant and asks the tests, which find the model as a shared library."""

    def __init__(self, state, flags=()):
        self.state, self.flags = state, list(flags)
        self.limit = limits_sanitized if flags else limits
        os.makedirs(f"{state}/objects", exist_ok=True)
        self.commands = commands()
        self.objects, self.plain = {}, {}
        if not self.commands:
            fail(f"{BUILD}/ has no model")
        for path in self.commands:
            self.objects[path] = f"{state}/objects/{path.replace('/', '-')}.o"
            with open(path, "rb") as file:
                if not self.compile(path, file.read(), self.objects[path]):
                    fail(f"{path} does not compile as it is")
            with open(self.objects[path], "rb") as file:
                self.plain[path] = file.read()
        if not self.link_model(f"{state}/{LIBRARY}", self.objects.values()):
            fail("the model does not link")
        self.player = f"{state}/player"
        self.link_program(self.player, f"{BUILD}/scenarios/gntsim-play-static.p/*.o")
        self.units = {}
        cunit = subprocess.run(["pkg-config", "--libs", "cunit"], capture_output=True, text=True, check=True)
        for unit in sorted(glob.glob(f"{BUILD}/tests/unit/unit-*.p")):
            name = os.path.basename(unit)[len("unit-"):-len(".p")]
            self.units[name] = os.path.abspath(f"{state}/unit-{name}")
            self.link_program(self.units[name], f"{unit}/*.o", f"{BUILD}/tests/unit/libunit-support.a",
                              *cunit.stdout.split())
        if not self.units:
            fail(f"{BUILD}/ has no unit tests")

    def compile(self, path, source, out):
        """The text of the file, as an object; False: it does not compile."""
        folder = os.path.dirname(os.path.join("..", path))
        words = self.commands[path] + [*self.flags, f"-I{folder}", "-x", "c", "-c", "-", "-o", os.path.abspath(out)]
        return subprocess.run(words, input=source, cwd=BUILD, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode == 0

    def link_model(self, out, objects):
        return quiet(["cc", *self.flags, "-shared", f"-Wl,-soname,{LIBRARY}", "-o", out, *objects])

    def link_program(self, out, objects, *more):
        if not quiet(["cc", *self.flags, "-o", out, *glob.glob(objects), *more, f"{self.state}/{LIBRARY}"]):
            fail(f"{out} does not link")

    def verdict(self, path, text):
        """What notices it: "corpus", "unit NAME"; "no code" if the object is as it was; None: nothing."""
        with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
            mutant = f"{folder}/mutant.o"
            if not self.compile(path, text, mutant):
                return "does not compile"
            with open(mutant, "rb") as file:
                if file.read() == self.plain[path]:
                    return "no code"
            others = [self.objects[other] for other in self.objects if other != path]
            if not self.link_model(f"{folder}/{LIBRARY}", [mutant, *others]):
                return "does not compile"
            return self.notice(folder, os.path.splitext(os.path.basename(path))[0])

    def notice(self, folder, first=""):
        """Who notices that the model in this folder is another one; None: nobody."""
        env = {**os.environ, "LD_LIBRARY_PATH": os.path.abspath(folder)}
        for variant in VARIANTS[:1] if self.flags else VARIANTS:
            if not quiet([self.player, *variant, "scenarios"], self.limit, env=env):
                return "corpus"
        # Its own file's test is the likeliest to see it.
        for name in sorted(self.units, key=lambda name: name != first):
            if not quiet([self.units[name]], self.limit, env=env, cwd=folder):
                return f"unit {name}"
        return None


def chosen(bench, options):
    """(path, source, mutant) of all that are to be tried."""
    out = []
    for path in sorted(bench.commands):
        if path in NO_RULES:
            continue
        words = [word for word in bench.commands[path][1:] if word.startswith(("-D", "-std"))]
        source, mutants = mutants_of(path, [*words, "-Iinclude", "-Isim"])
        out += [(path, source, mutant) for mutant in mutants
                if is_chosen(options, path, mutant)]
    return out


def known(again):
    out = {}
    if not again and os.path.exists(f"{STATE}/caught"):
        with open(f"{STATE}/caught", encoding="utf-8") as file:
            for line in file:
                name, _, by = line.strip().partition(" ")
                out[name] = by
    return out


def main():
    options = parser("ci/mutate", __doc__).parse_args()
    shard(options)
    bench = Bench(STATE)
    todo = chosen(bench, options)
    if not todo:
        fail("no mutant is so called")
    if options.list:
        for path, source, mutant in todo:
            print(mutant.name, describe(path, mutant, source))
        return 0
    sanitized = Bench(f"{STATE}/sanitized", SANITIZE)
    for each in (bench, sanitized):
        if by := each.notice(each.state):
            fail(f"the tests fail on the model as it is ({each.state}): {by}")

    began, tried, found = time.monotonic(), 0, known(options.again)
    survivors, log = [], open(f"{STATE}/caught", "w" if options.again else "a", encoding="utf-8")
    tally = {}

    def try_one(item):
        path, source, mutant = item
        if mutant.name in found:
            return item, found[mutant.name], False
        text = changed(source, mutant)
        by = bench.verdict(path, text)
        if by is None:
            by = sanitized.verdict(path, text)
            by = f"sanitizer {by}" if by and by.startswith(("corpus", "unit")) else None
        return item, by, True

    with log, concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for item, by, new in pool.map(try_one, todo):
            tried += new
            kind = "unit" if by and by.startswith("unit ") else by
            tally[kind] = tally.get(kind, 0) + 1
            if by is None:
                survivors.append(item)
            elif new:
                log.write(f"{item[2].name} {by}\n")
                log.flush()
            done = sum(tally.values())
            if sys.stderr.isatty() or done % 200 == 0:
                print(f"\r{done} of {len(todo)}, {len(survivors)} survive", end="" if sys.stderr.isatty() else "\n",
                      file=sys.stderr)
    return report(todo, survivors, tally, time.monotonic() - began, tried, options)


def report(todo, survivors, tally, seconds, tried, options):
    explained = reasons(REASONS)
    judged = len(todo) - tally.get("no code", 0) - tally.get("does not compile", 0)
    unexplained = [item for item in survivors if item[2].name not in explained]
    tell_survivors(unexplained, options.survivors)
    caught = judged - len(survivors)
    print(f"{len(todo)} mutants, {tally.get('does not compile', 0)} do not compile, "
          f"{tally.get('no code', 0)} change no code; of the {judged} others the corpus caught "
          f"{tally.get('corpus', 0)}, the unit tests {tally.get('unit', 0)} more, "
          f"the address sanitizer {tally.get('sanitizer', 0)}: "
          f"{100 * caught / max(judged, 1):.1f} %; {len(survivors) - len(unexplained)} are without effect, "
          f"{len(unexplained)} survived ({tried} tried in {seconds:.0f} s)")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
