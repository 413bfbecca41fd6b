#!/usr/bin/env python3
"""rules-test.py GNTSIM DIRECTORY: each rule of what explore leaves out, by a scenario that needs it.

With each kind of death the final states, violations and hangs of a scenario must be those that every order
has, and the orders that are tried must be as many as its comment says: a rule that is missing loses states,
or it saves no orders. "# Kernel:" names another kernel to explore it on.
"""
import glob
import re
import sys

from explored import explore


def main():
    gntsim, directory = sys.argv[1:3]
    paths = sorted(glob.glob(f'{directory}/*/*.scn'))
    failed = 0
    for path in paths:
        with open(path, encoding='utf-8') as file:
            text = file.read()
        wanted = re.search(r'^# Orders: (.*)$', text, re.M)[1]
        kernel = re.search(r'^# Kernel: (.*)$', text, re.M)
        options = ('--kernel', kernel[1]) if kernel else ()
        got = []
        for deaths in re.findall(r'(\w+) \d+', wanted):
            few, orders = explore(gntsim, path, '--deaths', deaths, *options)
            every, _ = explore(gntsim, path, '--deaths', deaths, '--every-order', *options)
            got.append(f'{deaths} {orders}')
            if few != every:
                failed += 1
                print(f'{path}, deaths {deaths}: {few} with reduction, {every} without')
        if ', '.join(got) != wanted:
            failed += 1
            print(f'{path}: orders {", ".join(got)}, not {wanted}')
    if failed or not paths:
        sys.exit(f'{failed} of {len(paths)} scenarios')


if __name__ == '__main__':
    main()
