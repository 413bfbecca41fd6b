#!/usr/bin/env python3
"""orders-test.py GNTSIM FIRST COUNT: partial-order reduction loses nothing.

Makes COUNT small scenarios at random (the same for the same FIRST) and explores each twice: as ever, and
with every order tried. The final states (with what came back to each process) must be the same set, with
and without deaths; and a violation is found by the one if and only if it is by the other.
"""
import random
import sys
import tempfile

from explored import explore

HEAD = """domain dom0 gntalloc_limit={limit}
domain dom1 {guest} ports={ports} maptrack_frames=1
process A in dom0
process B, C in dom1
A: ga = open("/dev/xen/gntalloc", O_RDWR)
A: ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, {{domid=dom1, flags=1, count=2}}) = 0 {{index=i, gref_ids=[r, s]}}
A: p = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, ga, i)
A: ea = open("/dev/xen/evtchn", O_RDWR)
A: na = open("/dev/xen/evtchn", O_RDWR|O_NONBLOCK)
A: pa = ioctl(ea, IOCTL_EVTCHN_BIND_UNBOUND_PORT, {{remote_domain=dom1}})
A: ua = ioctl(na, IOCTL_EVTCHN_BIND_UNBOUND_PORT, {{remote_domain=dom1}})
"""
EACH = """{P}: g{l} = open("/dev/xen/gntdev", O_RDWR)
{P}: ioctl(g{l}, IOCTL_GNTDEV_MAP_GRANT_REF, {{count=1, refs=[{{domid=dom0, ref=r}}]}}) = 0 {{index=m{l}}}
{P}: q{l} = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, g{l}, m{l})
{P}: e{l} = open("/dev/xen/evtchn", O_RDWR)
"""
BOUND = """B: pb = ioctl(eb, IOCTL_EVTCHN_BIND_INTERDOMAIN, {remote_domain=dom0, remote_port=pa})
B: read(eb, 4) = 4
B: write(eb, [pb]) = 4
"""


def page(rng, who):
    return {'A': 'p', 'B': 'qb', 'C': 'qc'}[who] + f'+{rng.randrange(4)}'


def events(who):
    return {'A': ('ea', 'pa'), 'B': ('eb', 'pb'), 'C': ('ec', 'pb')}[who]


def step(rng, who, n):
    """A step, with what it does when it does not succeed."""
    ring, port = events(who)
    low = who.lower()
    common = [
        f'store({page(rng, who)}, {rng.randrange(1, 4)}) , else stop',
        f'store({page(rng, who)}, {rng.randrange(1, 4)}) , else stop',
        f'load({page(rng, who)}, 1) = x{n}, else stop',
        f'load({page(rng, who)}, 1) = {rng.randrange(3)}, else stop',
        f'load({page(rng, who)}, 1) = {rng.randrange(3)}, else wait',
        f'ioctl({ring}, IOCTL_EVTCHN_NOTIFY, {{port={port}}}) = 0, else stop',
        f'read({ring}, 4) = 4 [y{n}], else stop',
        f'write({ring}, [{port}]) = 4, else stop',
        f'poll({ring}) = z{n}, else stop',
        f'ioctl({ring}, IOCTL_EVTCHN_UNBIND, {{port={port}}}) = 0, else stop',
        f'v{n} = ioctl({ring}, IOCTL_EVTCHN_BIND_UNBOUND_PORT, {{remote_domain=dom0}}) = _, else stop',
        f'close({ring}) = 0, else stop',
        f'd{n} = dup({ring}) = _, else stop',
        f'mprotect({page(rng, who)[:2].rstrip("+")}, 4096, PROT_READ) = 0, else stop',
        'exit(0)',
    ]
    if who == 'A':
        return rng.choice(common + [
            f'ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, {{domid=dom1, flags=1, count=1}}) = 0 '
            f'{{index=k{n}, gref_ids=[w{n}]}}, else stop',
            'ioctl(ga, IOCTL_GNTALLOC_DEALLOC_GREF, {index=i, count=1}) = 0, else stop',
            'ioctl(ga, IOCTL_GNTALLOC_DEALLOC_GREF, {index=i+4096, count=1}) = 0, else stop',
            'munmap(p, 4096) = 0, else stop',
            'close(ga) = 0, else stop',
            'ioctl(ga, IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, '
            f'{{index=i+{rng.randrange(4)}, action={rng.randrange(1, 4)}, event_channel_port={rng.choice(["pa", "ua"])}}})'
            ' = 0, else stop',
            f'read(na, 4) = 4 [y{n}], else stop',
            'close(na) = 0, else stop',
            'ioctl(na, IOCTL_EVTCHN_UNBIND, {port=ua}) = 0, else stop',
        ])
    return rng.choice(common + [
        f'ioctl(g{low}, IOCTL_GNTDEV_MAP_GRANT_REF, {{count=1, refs=[{{domid=dom0, ref={rng.choice("rs")}}}]}}) '
        f'= 0 {{index=k{n}}}, else stop',
        f'h{n} = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, g{low}, m{low}) = _, else stop',
        f'h{n} = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, g{low}, m{low}+4096) = _, else stop',
        f'munmap(q{low}, 4096) = 0, else stop',
        f'ioctl(g{low}, IOCTL_GNTDEV_UNMAP_GRANT_REF, {{index=m{low}, count=1}}) = 0, else stop',
        f'ioctl(g{low}, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, {{index=m{low}+{rng.randrange(4)}, action={rng.randrange(1, 4)}, '
        f'event_channel_port=pb}}) = 0, else stop',
        f'close(g{low}) = 0, else stop',
        f'v{n} = ioctl({ring}, IOCTL_EVTCHN_BIND_INTERDOMAIN, {{remote_domain=dom0, remote_port={rng.choice(["pa", "ua"])}}})'
        ' = _, else stop',
    ])


def clean(text):
    """A step that has no result can't have an else."""
    return text.replace(') , else stop', ')')


def scenario(seed):
    rng = random.Random(seed)
    who = rng.choice(['AB', 'ABC', 'ABC', 'BC'])
    length = 4 if len(who) == 2 else 3
    lines = HEAD.format(limit=rng.choice([2, 3, 8]), guest=rng.choice(['pv', 'pvh']), ports=rng.choice([3, 16]))
    lines += EACH.format(P='B', l='b') + EACH.format(P='C', l='c') + BOUND
    if rng.random() < 0.2:
        lines += 'B: C_eb = send_fd(C, eb)\n'.replace('C_eb', 'shared')
    if rng.random() < 0.3:
        lines += rng.choice([
            f'always {{\nA: load(p+{rng.randrange(4)}, 1) = 0\n}}\n',
            f'always {{\nB: load(qb+1, 1) = 1, else stop\nB: load(qb, 1) = 1\n}}\n',
            'always {\nexpect {grants=2}\n}\n',
        ])
    # One block, or two, of which each has some steps of each process.
    blocks = ['', '']
    two = rng.random() < 0.2
    n = 0
    for process in who:
        second = False
        for _ in range(rng.randrange(1, length + 1)):
            second |= two and rng.random() < 0.4
            one = clean(step(rng, process, n))
            blocks[second] += f'{process}: {one}\n'
            n += 1
            if one == 'exit(0)':
                break
    for block in blocks:
        if block:
            lines += f'parallel {{\n{block}}}\n'
    return lines


def main():
    gntsim, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    reduced = all_orders = states = 0
    with tempfile.NamedTemporaryFile('w+', suffix='.scn') as file:
        for seed in range(first, first + count):
            file.seek(0)
            file.truncate()
            file.write(scenario(seed))
            file.flush()
            deaths = ('--deaths', 'destroy') if seed % 3 == 0 else ()
            few = explore(gntsim, file.name, *deaths)
            every = explore(gntsim, file.name, *deaths, '--every-order')
            if few[0] != every[0]:
                sys.exit(f'seed {seed}: {few} with reduction, {every} without, of\n{scenario(seed)}')
            reduced += few[1]
            all_orders += every[1]
            states += sum(s[0] for s in few[0][1] if s)
    print(f'{count} scenarios, {states} final states: {reduced} orders instead of {all_orders}')
    if not states or reduced >= all_orders:
        sys.exit('nothing was tried, or nothing left out')


if __name__ == '__main__':
    main()
