#!/usr/bin/env python3
"""terminal.py GNTSIM: programs on a terminal, and Ctrl-C: whoever is in the foreground hears of it once, from
the terminal; whoever is not hears of it from gntsim. One program alone has the terminal as without gntsim."""
import os
import pty
import select
import signal
import sys
import tempfile
import time

COUNT = r"""
import os, signal, sys
if sys.argv[1] == 'own':
    os.setpgid(0, 0)
n = 0
def heard(*_):
    global n
    n += 1
signal.signal(signal.SIGINT, heard)
os.write(1, b'ready ' + sys.argv[1].encode() + b' %d\n' % os.isatty(1))
while n == 0:
    signal.pause()
# gntsim tells those that came first first: when the other has heard, we have heard all there is.
if len(sys.argv) > 2:
    open(sys.argv[2], 'w' if sys.argv[1] == 'own' else 'r').close()
os.write(1, b'heard %d\n' % n)
sys.exit(7 if sys.argv[1] == 'own' else 0)
"""


def at_terminal(words, ready, key):
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(words[0], words)
    said = b''
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([fd], [], [], 1)[0]:
            continue
        try:
            part = os.read(fd, 4096)
        except OSError:
            break
        said += part
        if said.count(b'ready') == ready and key:
            os.write(fd, key)
            key = None
    else:
        os.kill(pid, signal.SIGKILL)
        sys.exit(f'{words}: it does not end: {said}')
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode().replace('\r\n', '\n')


gntsim = sys.argv[1]
program = [sys.executable, '-c', COUNT]
with tempfile.TemporaryDirectory() as folder:
    fifo = os.path.join(folder, 'fifo')
    os.mkfifo(fifo)
    for options, is_terminal in (([], 1), (['--tag'], 0)):
        words = [gntsim, 'run'] + options + ['--'] + program + ['group', fifo, ':::', '--domain', '1', '--'] + program
        status, said = at_terminal(words + ['own', fifo], 2, b'\x03')
        if status != 7 or said.count('heard 1') != 2 or f'ready group {is_terminal}' not in said:
            sys.exit(f'two programs, {options}: status {status}: {said}')
status, said = at_terminal([gntsim, 'run', '--'] + program + ['group'], 1, b'\x03')
if status != 0 or said.count('heard 1') != 1 or 'ready group 1' not in said:
    sys.exit(f'one program: status {status}: {said}')
