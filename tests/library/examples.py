#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples.py readme SOURCE-ROOT [PAGES-ROOT]
examples.py demo SOURCE-ROOT OUTPUT
examples.py headers SOURCE-ROOT PAGES-DIRECTORY
examples.py man PAGE SOURCE-ROOT

Compiles and runs the examples of the documentation, in the directory that it is started in, with the
gntsim and the pkg-config files that the environment leads to. Where examples are:

- README and docs/, one reader's way through them: C blocks, each the program that the next "$ cc NAME.c" compiles; indented blocks of
  commands ("$ ...") with what they print, where "..." is anything; the rows of the tables of mistakes,
  which binding-mistakes and model-mistakes print. PAGES says how many of which there are.
- what README shows of ci/demo: OUTPUT has it too, but for the numbers.
- public headers: in a comment, paragraphs whose lines are all indented by four more, a function for the
  one that follows; the manual page that is made of the header must show them as well.
- manual pages: every .Bd -literal, with a comment before it that says how it is tried: "ran" (as the
  README's commands; "ran with PROGRAM ...": where these are installed), "played" (a whole scenario),
  "played after STATEMENT; ..." (the rest of one), "said of STATEMENT; ..." (a diagnosis of these lines),
  or "no example"; every .Dl or .Ql whose text begins with "$ ".

A page or file without any example is an error, as is one that nobody says how to try."""
import atexit
import collections
import importlib.machinery
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time

tried = 0


def fail(what):
    sys.exit(f'FAILED: {what}')


def write(name, text):
    with open(name, 'w', encoding='utf-8') as f:
        f.write(text)


def read(name):
    with open(name, encoding='utf-8') as f:
        return f.read()


def run(command, where):
    done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=120, check=False)
    if done.returncode:
        fail(f'{where}: {command}: status {done.returncode}\n{done.stdout}')
    return done.stdout


def compile_program(name, package, where):
    run(f'cc -std=gnu11 -Wall -Wextra -Werror {name}.c -o {name} '
        f'$(pkg-config --cflags --libs {package})', where)


class Shell:
    """A shell that the commands of one document are typed into, one after the other."""

    def __init__(self, where):
        self.where = where
        self.process = subprocess.Popen(['bash'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, start_new_session=True)
        # However this program ends, nothing that it started goes on.
        atexit.register(self.kill)
        self.lines = []
        self.changed = threading.Condition()
        threading.Thread(target=self.listen, daemon=True).start()

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)

    def listen(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip('\n'))
                self.changed.notify()
        with self.changed:
            self.lines.append(None)
            self.changed.notify()

    def take(self, seconds):
        """The next line; None if none came in time."""
        with self.changed:
            self.changed.wait_for(lambda: self.lines, timeout=seconds)
            return self.lines.pop(0) if self.lines else None

    def type(self, command):
        self.process.stdin.write(command + '\n')
        self.process.stdin.flush()

    def try_command(self, command, expected):
        """Types a command and compares what it prints until the next prompt."""
        # A search has a point more where a program waits for what usually is there already: who runs when is the
        # machine's. What is shown is what it finds as a rule.
        for _ in range(3 if 'gntsim crash' in command else 1):
            said = self.say(command, expected)
            if same_lines(said, expected):
                return
        fail(f'{self.where}: $ {command}\nsaid:\n' + '\n'.join(said) + '\nnot:\n' +
             '\n'.join(expected))

    def say(self, command, expected):
        """What a command prints until the next prompt. What one in the background says may come later than that."""
        prompt = '@@@ next'
        self.type(f'{command}\necho "{prompt}"')
        said, prompted = [], False
        end = time.monotonic() + 120
        while not prompted or (command.endswith('&') and len(said) < len(expected)):
            line = self.take(end - time.monotonic())
            if line is None:
                fail(f'{self.where}: $ {command}\nonly said:\n' + '\n'.join(said))
            if line == prompt:
                prompted = True
            else:
                said.append(line)
        return said

    def end(self):
        self.type('kill $(jobs -p) 2>/dev/null; wait; exit')
        self.process.wait(timeout=30)


def same_lines(said, expected):
    def pattern(line):
        return '.*'.join(map(re.escape, line.split('...')))
    return len(said) == len(expected) and \
        all(re.fullmatch(pattern(e), s) for s, e in zip(said, expected))


def try_transcript(shell, lines, programs, known):
    """Lines of a block: commands, each with what it prints below it. A C block (programs) is what
    the next unknown "cc NAME.c" compiles; "cat FILE" shows a file that the reader is to write."""
    global tried
    steps = []
    for line in lines:
        # Others on this machine may try the same example.
        line = line.replace('/tmp/machine', os.path.realpath('machine'))
        if line.startswith('$ '):
            steps.append((line[2:], []))
        else:
            steps[-1][1].append(line)
    for command, expected in steps:
        if command.startswith('cat '):
            write(command[4:], '\n'.join(expected) + '\n')
            continue
        found = re.match(r'cc (\w+)\.c ', command)
        if found and not os.path.exists(found[1] + '.c'):
            if not programs:
                fail(f'{shell.where}: no program {found[1]}.c')
            write(found[1] + '.c', programs.pop(0))
            known.append(found[1])
        shell.try_command(command, expected)
        tried += 1


def stand_ins(source):
    """The programs that examples call the reader's own, made from ours."""
    for name, example in (('producer-example', 'producer'), ('consumer-example', 'consumer'),
                          ('hello-example', 'hello'), ('my-program', 'hello')):
        write(name + '.c', f'#include "{source}/binding/examples/{example}.c"\n')
        compile_program(name, 'gnttab-c', 'stand-ins')
    # The manual shows them; README goes on from there.
    page = read(f'{source}/man/gntsim-crash.1')
    for name in 'giver', 'taker':
        shown = re.search(rf'^\$ cat {name}\.c\n(.*?)^\$ ', page, re.M | re.S)
        write(f'{name}.c', plain(shown[1]))
        run(f'cc -g {name}.c -o {name} $(pkg-config --cflags --libs gnttab-c)', 'stand-ins')
    write('sent', ''.join(f'{n}\n' for n in range(5000)))
    producer = 'rm -f offered\n./producer-example 1 <sent >offer.new & until [ -s offer.new ]; do ' \
        'sleep 0.05; done\nmv offer.new offer\nwait\n'
    consumer = 'until [ -s offer ]; do sleep 0.05; done\n./consumer-example 0 $(cat offer) >received\n' \
        'rm offer\n'
    talking = producer.replace('wait\n', 'set -- $(cat offer)\necho "ready: reference $1, port $2"\nwait\n')
    listening = consumer + 'echo "received $(wc -l <received) lines"\n'
    for name, text in (('my-server', talking), ('server', producer), ('my-client', listening),
                       ('client', consumer), ('my-test', 'exec ./hello-example >/dev/null\n'),
                       ('your-test', 'exec ./hello-example\n')):
        write(name, '#!/bin/sh\n' + text)
        os.chmod(name, 0o755)


def check_received(where):
    """The server and the client did their work."""
    end = time.monotonic() + 30
    while not os.path.exists('received') or read('received') != read('sent') or os.path.exists('offer'):
        if time.monotonic() > end:
            fail(f'{where}: the client did not get what the server sent')
        time.sleep(0.05)
    os.remove('received')


def blocks_of_readme(text):
    """(kind, lines): 'c' and other languages, '$' for commands, '' for tables' rows."""
    inside, lines = None, []
    for line in text.split('\n') + ['']:
        if inside is not None and inside != '$':
            if line == '```':
                yield inside, lines
                inside, lines = None, []
            else:
                lines.append(line)
        elif line.startswith('```'):
            inside, lines = line[3:], []
        elif inside == '$':
            if line.startswith('    '):
                lines.append(line[4:])
            else:
                yield inside, lines
                inside, lines = None, []
        elif line.startswith('    $ '):
            inside, lines = '$', [line[4:]]


# README and docs/ in a reader's order, and how many blocks of which kind each has. What docs/ci.md has
# is tried by readme-test.sh and container-test.py.
PAGES = {
    'README.md': {'$': 3},
    'docs/ci.md': {'sh': 1, 'yaml': 2, 'dockerfile': 1},
    'docs/libraries.md': {'c': 2, '$': 2},
    'docs/mistakes.md': {'$': 1},
}


def check_pages(root, source):
    """Every page is there and can be reached from README; no link leads nowhere."""
    # Pictures have tests of their own.
    there = {'README.md', *(f'docs/{name}' for name in os.listdir(f'{root}/docs') if not name.endswith('.svg'))}
    if there != set(PAGES):
        fail(f'pages: {sorted(there)}, not {sorted(PAGES)}')
    linked = set()
    for page in PAGES:
        for target in re.findall(r'\]\(([^)#:]+)\)', read(f'{root}/{page}')):
            path = os.path.normpath(os.path.join(os.path.dirname(page), target))
            if not os.path.exists(f'{source}/{path}'):
                fail(f'{page}: no {target} to link to')
            if page == 'README.md':
                linked.add(path)
    missing = set(PAGES) - linked - {'README.md'}
    if missing:
        fail(f'README does not lead to {sorted(missing)}')
    rooms = re.findall(r'^\| (`.*?) \|', read(f'{root}/README.md').partition('## Where things are')[2], re.M)
    if not rooms:
        fail('README does not say where things are')
    for room in re.findall(r'`(.+?)`', ' '.join(rooms)):
        if not os.path.isdir(f'{source}/{room}'):
            fail(f'README: where things are: no {room}')


def try_page(page, text, shell, known):
    blocks = list(blocks_of_readme(text))
    kinds = collections.Counter(kind for kind, _ in blocks)
    if kinds != PAGES[page]:
        fail(f'{page}: has {dict(kinds)}, not {PAGES[page]}')
    shell.where = page
    programs = []
    for kind, lines in blocks:
        if kind == 'c':
            programs.append('\n'.join(lines) + '\n')
        elif kind == '$':
            try_transcript(shell, lines, programs, known)
            if any('my-client' in line for line in lines):
                check_received(page)
    if programs:
        fail(f'{page}: a program that is not compiled')


def mistakes(page, text, source):
    global tried
    rows = re.findall(r'^\| (?!with )\S.*\|$', text, re.M)
    for name, package in ('binding-mistakes', 'gnttab-c'), ('model-mistakes', 'gntsim'):
        write(name + '.c', f'#include "{source}/tests/library/{name}.c"\n')
        compile_program(name, package, page)
    made = run('./binding-mistakes outside && gntsim run -- ./binding-mistakes && ./model-mistakes',
               page).splitlines()
    for row in rows:
        if row not in made:
            fail(f'{page}: nobody makes this mistake with this result: {row}')
        made.remove(row)
    if made or not rows:
        fail(f'{page}: mistakes that are not in its tables: {made}')
    tried += len(rows)


def readme(source, root):
    check_pages(root, source)
    stand_ins(source)
    shell = Shell('README.md')
    known = []
    for page in PAGES:
        try_page(page, read(f'{root}/{page}'), shell, known)
    if known != ['hello', 'model']:
        fail(f'README and docs/: compiled {known}')
    shell.end()
    page = 'docs/mistakes.md'
    mistakes(page, read(f'{root}/{page}'), source)


def demo(source, output):
    """README's lines of the demo, one after the other as the demo prints them; a number is a number."""
    global tried
    def shape(text):
        return [re.sub(r'\b\d+(\.\d+)?\b', 'N', line) for line in text.splitlines()]
    found = re.search(r'^    Data, then.*\n(?:    .*\n)+', read(f'{source}/README.md'), re.M)
    if not found:
        fail('README: nothing of the demo')
    shown, said = shape(textwrap.dedent(found[0])), shape(read(output))
    if not any(said[at:at + len(shown)] == shown for at in range(len(said))):
        fail('README shows of the demo:\n' + '\n'.join(shown) + '\nwhich says:\n' + '\n'.join(said))
    tried += 1


def load(path):
    loader = importlib.machinery.SourceFileLoader('header_to_man', path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader('header_to_man', loader))
    loader.exec_module(module)
    return module


# What a header's example goes on from, and what is asked afterwards.
PRELUDES = {
    'gnttab/gnttab.h': ('uint16_t domid = 0; GNTSHR_AUTO_CLOSE struct gntshr *shr = gntshr_open();'
                        'struct gntshr_share *share = gntshr_share(shr, domid, 1, true);'
                        'uint32_t ref = gntshr_ref(share, 0);',
                        'if (strcmp(gntshr_bytes(share), "hello")) return 1;'),
    'gnttab/gntshr.h': ('uint16_t domid = 0;', ''),
    'gnttab/evtchn.h': ('uint16_t domid = 0;', ''),
    'gntsim/machine.h': ('', ''),
}
INCLUDES = {
    'gnttab': '#include <gnttab/evtchn.h>\n#include <gnttab/gntshr.h>\n#include <gnttab/gnttab.h>\n',
    'gntsim': '#include <assert.h>\n#include <fcntl.h>\n#include <gntsim/machine.h>\n#include <sys/mman.h>\n',
}
AFTER_MACHINE = 'const char *wrong = gntsim_machine_check(m);' \
    'if (wrong) return puts(wrong), 1; gntsim_machine_free(m);'


def snippets(to_man, text):
    for comment in re.findall(r'/\*\*.*?\*/', text, re.S):
        for block in re.split(r'\n\s*\n', to_man.comment_text(comment)):
            lines = [line for line in block.split('\n') if line.strip()]
            if lines and all(line.startswith('    ') for line in lines):
                yield [line[4:] for line in lines]


def literal_blocks(page):
    """(what the comment before it says, lines) of each .Bd -literal of a page."""
    said, inside = '', None
    for line in page.split('\n'):
        if inside is not None:
            if line == '.Ed':
                yield said, inside
                said, inside = '', None
            else:
                inside.append(plain(line))
        elif line.startswith('.Bd -literal'):
            inside = []
        elif line.startswith('.\\" '):
            said = (said + ' ' + line[4:].strip()).strip()
        elif line and not line.startswith('.Pp'):
            said = ''


def plain(roff):
    for escaped, text in (('\\(dq', '"'), ('\\-', '-'), ('\\&', ''), ('\\e', '\\')):
        roff = roff.replace(escaped, text)
    return roff


def headers(source, pages):
    global tried
    to_man = load(f'{source}/man/header-to-man')
    machine = None
    for directory in 'gntsim', 'gnttab':
        names = sorted(os.listdir(f'{source}/include/{directory}'))
        # The machine's own example is where the others of the model begin.
        for name in sorted(names, key=lambda n: n != 'machine.h'):
            where = f'{directory}/{name}'
            functions = ''
            for n, lines in enumerate(snippets(to_man, read(f'{source}/include/{where}'))):
                before, after = PRELUDES.get(where, (machine, ''))
                if before is None:
                    fail(f'{where}: nobody says what its example goes on from')
                if where == 'gntsim/machine.h':
                    machine = '\n'.join(lines)
                page = name[:-2] + '.3' if directory == 'gnttab' else f'gntsim_{name[:-2]}.3'
                if lines not in [block for _, block in literal_blocks(read(f'{pages}/{page}'))]:
                    fail(f'{page} does not show the example of {where}')
                if re.fullmatch(r'static .*\)', lines[0]):
                    functions += '\n'.join(lines) + '\n'
                    continue
                if directory == 'gntsim':
                    after += AFTER_MACHINE
                program = f'{directory}-{name[:-2]}-{n}'
                write(program + '.c', '#include <inttypes.h>\n#include <stdio.h>\n#include <string.h>\n' +
                      INCLUDES[directory] + f'#include <{where}>\n' + functions +
                      'int main(void)\n{\n' + before + '\n' + '\n'.join(lines) +
                      '\n' + after + '\nreturn 0;\n}\n')
                compile_program(program, 'gnttab-c' if directory == 'gnttab' else 'gntsim', where)
                command = f'./{program}'
                if directory == 'gnttab':
                    command = f'gntsim run --leaks=error -- {command}'
                run(command, where)
                functions = ''
                print(f'{where}: compiled and ran')
                tried += 1
            if functions:
                fail(f'{where}: no example calls the function before it')


def statements(text):
    return [line.strip() for line in text.split(';')]


def play(lines, where):
    write('example.scn', '\n'.join(lines) + '\n')
    return run('gntsim play example.scn', where)


def man(path, source):
    global tried
    page, name = read(path), os.path.basename(path)
    if '--xenstore -' in page and os.system('gntsim run --xenstore -- true'):
        print('skipped: no xenstored here')
        sys.exit(77)
    stand_ins(source)
    shell = Shell(name)
    commands = [plain(found) for found in re.findall(r'^\.(?:Dl|Ql|Li) (\$ .*)$', page, re.M)]
    for command in commands:
        try_transcript(shell, [command], [], [])
    missing = set()
    for said, lines in literal_blocks(page):
        how, _, rest = said.partition(' ')
        where = f'{name}: "{lines[0]}"'
        lacking = {tool for tool in rest.split()[1:] if not shutil.which(tool)} if how == 'ran' else set()
        missing |= lacking
        if lacking:
            continue
        if how == 'ran':
            try_transcript(shell, lines, [], [])
            if any('client' in line for line in lines):
                check_received(name)
        elif said == 'played':
            play(lines, where)
        elif said.startswith('played after '):
            play(statements(said[len('played after '):]) + lines, where)
        elif said.startswith('said of '):
            write('t.scn', '\n'.join(statements(said[len('said of '):])) + '\n')
            done = subprocess.run(['gntsim', 'play', 't.scn'], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, check=False)
            if ' '.join(' '.join(lines).split()) not in ' '.join(done.stdout.split()):
                fail(f'{where}: said\n{done.stdout}')
        elif said != 'no example':
            fail(f'{where}: how is it to be tried? A comment before .Bd says that')
        if said != 'no example':
            print(f'{where}: {how}')
            tried += 1
    shell.end()
    if missing:
        print(f'{tried} examples\nskipped: the others: no {", ".join(sorted(missing))} here')
        sys.exit(77)


def main():
    kind, arguments = sys.argv[1], sys.argv[2:]
    if kind == 'readme':
        readme(os.path.realpath(arguments[0]), os.path.realpath(arguments[-1]))
    elif kind == 'demo':
        demo(*arguments)
    elif kind == 'headers':
        headers(os.path.realpath(arguments[0]), os.path.realpath(arguments[1]))
    elif kind == 'man':
        man(arguments[0], os.path.realpath(arguments[1]))
    else:
        sys.exit(__doc__)
    if not tried:
        fail('no example found')
    print(f'{tried} examples')


main()
