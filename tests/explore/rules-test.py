#!/usr/bin/env python3
"""rules-test.py GNTSIM DIRECTORY: each rule of what explore leaves out, by a scenario that needs it.

With each kind of death the final states, violations and hangs of a scenario must be those that every order
has, and the orders that are tried, and the steps made for them, must be as many as its comment says: a rule that
is missing loses states, or it saves no orders, or only finds late that an order is one that was tried.
"# Kernel:" names another kernel to explore it on.
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
        wanted = dict(re.findall(r'^# (Orders|Steps): (.*)$', text, re.M))
        kernel = re.search(r'^# Kernel: (.*)$', text, re.M)
        options = ('--kernel', kernel[1]) if kernel else ()
        got = {'Orders': [], 'Steps': []}
        for deaths in re.findall(r'(\w+) \d+', wanted['Orders']):
            few, orders, steps = explore(gntsim, path, '--deaths', deaths, *options)
            every = explore(gntsim, path, '--deaths', deaths, '--every-order', *options)[0]
            got['Orders'].append(f'{deaths} {orders}')
            got['Steps'].append(f'{deaths} {steps}')
            if few != every:
                failed += 1
                print(f'{path}, deaths {deaths}: {few} with reduction, {every} without')
        said = {name: ', '.join(counts) for name, counts in got.items()}
        if said != wanted:
            failed += 1
            print(f'{path}: {said}, not {wanted}')
    if failed or not paths:
        sys.exit(f'{failed} of {len(paths)} scenarios')


if __name__ == '__main__':
    main()
