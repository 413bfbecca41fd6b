"""Plays scenarios on real Xen with modules of ours, until one fails; each time in a guest that is fresh."""
import hashlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import threading
from collections import namedtuple

from drivers.rules import MODULES

GNTSIM = "build/gntsim"
CORPUS = ("scenarios/conformance", "scenarios/regressions", "scenarios/examples")
# Each in a guest of its own: last.
ALONE = re.compile(r"^needs .*\b(empty_machine|survive_crash|destroy_domain)\b", re.M)
SECONDS = 1500  # for all of the corpus

# (A console's lines end with a carriage return, in the middle of ours.)
WARNING = re.compile(r"# .*a kernel warned: .*(WARNING:.* at [^ ]*?([^ /]+):\d+ (\w+)[^;\r]*)")

# skipped: "skipped", "error" if it could not be judged, "warned" if it is of a whole boot (then the path is where the
# kernel's warning stands in its source), or ""
Result = namedtuple("Result", "ok skipped path message")


def corpus():
    """path -> text"""
    out = {}
    for root in CORPUS:
        for folder, _, names in os.walk(root):
            for name in names:
                if name.endswith(".scn"):
                    with open(f"{folder}/{name}", encoding="utf-8") as file:
                        out[f"{folder}/{name}"] = file.read()
    return out


def digest(texts):
    sums = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    return hashlib.sha256(" ".join(sums).encode()).hexdigest()[:12]


def results(lines):
    """Each result of TAP as soon as it is there; a plan "1..0 # SKIP WHY" is one too, without a path, and so is what
    the kernel warned of in a boot, after the results."""
    path, message, kind = None, [], "failure"
    for line in lines:
        line = line.rstrip("\n")
        found, warning = re.match(r"(not )?ok \d+ - ([^ ]+)(.*)", line), WARNING.match(line)
        if line.startswith("1..0 # SKIP "):
            yield Result(False, "skipped", None, line[len("1..0 # SKIP "):])
        elif warning:
            yield Result(True, "warned", f"{warning[2]}:{warning[3]}", warning[1])
        elif found:
            if found[1]:
                path, message, kind = found[2], [], "failure"
            else:
                skipped = "skipped" if "# SKIP" in found[3] else ""
                yield Result(True, skipped, found[2], found[3].strip() if skipped else "")
        elif path and line.startswith("  kind: "):
            kind = line[len("  kind: "):]
        elif path and line.startswith("    "):
            message.append(line.strip())
        elif path and line == "  ...":
            yield Result(False, "error" if kind == "error" else "", path, " ".join(message))
            path = None


class Leg:
    """A leg, with the drivers of its kernel as they are, and what is known of the scenarios on them."""

    def __init__(self, tree, options, state):
        self.tree, self.name, self.patience = tree, tree.leg, options.patience
        self.lab_options, self.wide = options.lab_options, options.wide
        self.texts = corpus()
        self.lock, self.state = threading.Lock(), f"{state}/plain-{self.name}.json"
        self.known, self.learnt = {}, set()
        if os.path.exists(self.state):
            with open(self.state, encoding="utf-8") as file:
                self.known = json.load(file)

    def about(self, driver):
        """The scenarios that are about this driver: those in its folder, or all."""
        return [path for path in sorted(self.texts) if self.wide or f"conformance/{driver}/" in path]

    def asked(self, driver):
        """Those of them that are not known to fail, or to be skipped, on the driver as it is."""
        return [path for path in self.about(driver) if self.known.get(self.key(path), "passes") == "passes"]

    def key(self, path):
        return f"{path} {digest([self.texts[path]])}"

    def plain(self, paths):
        """path -> "passes", "skipped" or "fails" on the drivers as they are; each is played once."""
        with self.lock:
            unknown = [path for path in paths if self.key(path) not in self.known]
            if unknown:
                self.ask_plain(unknown)
                # What a busy host can be guilty of must show twice: who fails here is asked nothing from then on.
                failed = [path for path in unknown if self.known.get(self.key(path)) == "fails"]
                if failed:
                    self.ask_plain(failed)
                with open(self.state, "w", encoding="utf-8") as file:
                    json.dump(self.known, file, indent=1)
            return {path: self.known.get(self.key(path), "unknown") for path in paths}

    def ask_plain(self, paths):
        modules = {MODULES[name]: file for name, file in self.tree.modules.items()}
        for result in self.play(modules, paths):
            if result.skipped == "warned":
                self.known[result.path] = "warns"
            elif result.path in self.texts and result.skipped != "error":
                self.known[self.key(result.path)] = result.skipped or ("passes" if result.ok else "fails")

    def passes_now(self, path):
        """Whether the drivers as they are pass it on this host as busy as it is."""
        modules = {MODULES[name]: file for name, file in self.tree.modules.items()}
        return any(result.ok and result.path == path for result in self.play(modules, [path]))

    def warns(self, place):
        """Whether the driver as it is has the kernel warn there."""
        return self.known.get(place) == "warns"

    def learn(self, driver):
        """What shares a guest anyway is played on the drivers as they are at once, before the first mutant of one."""
        if driver not in self.learnt:
            self.plain([path for path in self.about(driver) if not self.is_alone(path)])
            self.learnt.add(driver)

    def play(self, modules, paths):
        """Results as they come; closing this generator ends the guest."""
        place = tempfile.mkdtemp(dir=os.path.dirname(self.tree.work))
        # It ends when we do, and ends the lab and its guest.
        words = ["setpriv", "--pdeathsig", "TERM", GNTSIM, "play", "--on", "xen", "--leg", self.name, *self.lab_options, "--tap",
                 "--patience", str(self.patience), "--time-limit", str(SECONDS)]
        for name, file in modules.items():
            words += ["--module", f"{name}={file}"]
        ours, theirs = os.pipe()  # theirs is in each of its descendants
        player = subprocess.Popen([*words, *paths], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True, errors="replace", pass_fds=[theirs],
                                  env={**os.environ, "TMPDIR": place})
        os.close(theirs)
        try:
            yield from results(player.stdout)
        finally:
            player.send_signal(signal.SIGTERM)
            player.stdout.close()
            player.wait()
            select.select([ours], [], [], 30)  # until the lab has put away its guest
            os.close(ours)
            shutil.rmtree(place, ignore_errors=True)

    def is_alone(self, path):
        return bool(ALONE.search(self.texts[path]))

    def is_timed(self, path):
        """Whether it lets time pass, which a busy host's guest may not have."""
        return "\nadvance " in self.texts[path]
