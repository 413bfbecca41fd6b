#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""between.py FIRST SECOND: two terminals with a wire between them, as the ends of a domain's console are.
Links them at these names, and ends when its standard input does. A console has been spoken on before."""
import os
import pty
import select
import sys

ends = [pty.openpty(), pty.openpty()]
for (_, terminal), name in zip(ends, sys.argv[1:]):
    os.symlink(os.ttyname(terminal), name)
wires = [ends[0][0], ends[1][0]]
os.write(wires[0], b'[    1.234567] a kernel speaks\n')
os.write(wires[1], b'Debian GNU/Linux 12 domU hvc0\n\ndomU login: ')
print('ready', flush=True)
while True:
    for ready in select.select([0] + wires, [], [])[0]:
        if ready == 0:
            sys.exit()
        data = os.read(ready, 1024)
        other = wires[1 - wires.index(ready)]
        while data:
            data = data[os.write(other, data):]
