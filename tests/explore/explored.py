"""What gntsim explore says of a scenario, as far as reduction must not change it."""
import re
import subprocess
import sys


def explore(gntsim, path, *more):
    done = subprocess.run([gntsim, 'explore', '--all', '--states', *more, path], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f'status {done.returncode}:\n{done.stdout}\n{open(path, encoding="utf-8").read()}')
    searches = re.findall(r': (\d+) orders, (\d+) violations, (\d+) of them hangs\n'
                          r' +(\d+) final states, sum (\w+), in (\d+) steps', done.stdout)
    orders = sum(int(s[0]) for s in searches)
    steps = sum(int(s[5]) for s in searches)
    # An order that is violated ends there; what could have come after it is not told from others.
    ends = [s[1] != s[2] for s in searches]
    states = [None if end else (int(s[3]), s[4]) for end, s in zip(ends, searches)]
    return (ends, states, [s[2] != '0' for end, s in zip(ends, searches) if not end]), orders, steps
