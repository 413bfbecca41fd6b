"""Builds one driver with one file changed, by the commands that the kernel's own build used for it."""
import hashlib
import os
import shlex
import shutil
import subprocess

from mutation import fail

from drivers.rules import FILES, MODULES

LAB = "ci/xen-lab"


def command_of(path):
    """The command that made a file, as the kernel's build notes it beside the file."""
    with open(os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.cmd"), encoding="utf-8") as file:
        return file.readline().split(":=", 1)[1].strip().replace("$$", "$")


class Tree:
    """The drivers of the kernel that a leg boots: their sources, and modules of them as they are."""

    def __init__(self, leg, work, state, lab_options):
        said = subprocess.run([LAB, "drivers", leg, *lab_options], stdout=subprocess.PIPE, text=True, check=False)
        if said.returncode:
            fail(f"there are no sources for leg {leg}")
        places = dict(line.split(" ", 1) for line in said.stdout.splitlines())
        self.leg, self.headers, self.source = leg, places["headers"], places["source"]
        self.work = os.path.abspath(f"{work}/{leg}")
        self.commands, self.plain, self.modules = {}, {}, {}
        for name in FILES:
            made = [name.replace(".c", ".o"), f"{MODULES[name]}.o", f"{MODULES[name]}.ko"]
            self.commands[name] = [command_of(f"{self.source}/{file}") for file in made]
            self.take_plain(name, state)

    def take_plain(self, name, state):
        """The driver as it is, built by whichever run needed it first."""
        with open(f"{self.source}/{name}", "rb") as file:
            text = file.read()
        key = hashlib.sha256(text + str(self.commands[name]).encode()).hexdigest()[:12]
        folder = os.path.abspath(f"{state}/plain-{self.leg}-{key}")
        if not os.path.exists(f"{folder}/made"):
            verdict, _ = self.build(name, text, folder)
            if verdict:
                fail(f"{name} does not build as it is")
            with open(f"{folder}/made", "wb"):
                pass
        with open(f"{folder}/{name.replace('.c', '.o')}", "rb") as file:
            self.plain[name] = file.read()
        self.modules[name] = f"{folder}/{MODULES[name]}.ko"

    def arguments(self, name):
        """What libclang has to know to read the file as the compiler does."""
        words = iter(shlex.split(self.commands[name][0].split(" ; ")[0]))
        out = ["--target=aarch64-linux-gnu"] if self.leg.startswith("arm64") else []
        for word in words:
            if word == "-include":
                out += [word, next(words)]
            elif word.startswith("-I."):
                out.append(f"-I{self.headers}/{word[2:]}")
            elif word.startswith(("-I", "-D", "-std", "-nostdinc")):
                out.append(word)
        return out

    def lay_sources(self, folder):
        """A copy of what a module is built of, but for the objects."""
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        for entry in os.scandir(self.source):
            if entry.name.endswith((".c", ".h", ".mod.o")):
                shutil.copy(entry.path, folder)
            elif entry.name.endswith(".mod"):  # names files
                with open(entry.path, encoding="utf-8") as file, \
                        open(f"{folder}/{entry.name}", "w", encoding="utf-8") as out:
                    out.write(file.read().replace(f"{self.source}/", f"{folder}/"))

    def build(self, name, text, folder):
        """(None, the module's file) for this text of a driver, or ("does not compile" | "no code", "")."""
        self.lay_sources(folder)
        with open(f"{folder}/{name}", "wb") as file:
            file.write(text)
        compile_it, *link = self.commands[name]
        # Without what is for a debugger, and the folder's name: objects of the same code are the same.
        compile_it = compile_it.replace(" -g ", f" -g0 -fmacro-prefix-map={folder}/= ")
        if not self.run(compile_it, folder):
            return "does not compile", ""
        with open(f"{folder}/{name.replace('.c', '.o')}", "rb") as file:
            made = file.read()
        if made == self.plain.get(name):
            return "no code", ""
        if not all(self.run(command, folder) for command in link):
            return "does not compile", ""
        return None, f"{folder}/{MODULES[name]}.ko"

    def run(self, command, folder):
        command = command.replace(f"{self.source}/", f"{folder}/")
        return subprocess.run(["bash", "-c", command], cwd=self.headers, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0
