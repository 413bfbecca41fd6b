"""What ci/mutate and ci/mutate-drivers share: their options, how a mutant is told, and the list of reasons."""
import argparse
import os
import random
import sys


def fail(message):
    print(f"{sys.argv[0].removesuffix('.py')}: {message}", file=sys.stderr)
    sys.exit(125)


def parser(program, description):
    out = argparse.ArgumentParser(prog=program, description=description,
                                  formatter_class=argparse.RawDescriptionHelpFormatter, usage="%(prog)s [OPTIONS]")
    out.add_argument("--jobs", type=int, default=os.cpu_count())
    out.add_argument("--shard", default="1/1")
    out.add_argument("--only", default="")
    out.add_argument("--again", action="store_true")
    out.add_argument("--list", action="store_true")
    out.add_argument("--survivors")
    return out


def shard(options):
    """(K, N) of --shard K/N; what of the shared options is wrong ends it."""
    try:
        part, parts = (int(n) for n in options.shard.split("/"))
    except ValueError:
        part, parts = 0, 0
    if not 1 <= part <= parts or options.jobs < 1:
        fail("--shard K/N with K from 1 to N, --jobs N from 1")
    return part, parts


def is_named(options, path, mutant):
    return options.only in f"{path}:{mutant.function}"


def is_in_shard(options, mutant):
    part, parts = shard(options)
    return int(mutant.name, 16) % parts == part - 1


def is_chosen(options, path, mutant):
    return is_named(options, path, mutant) and is_in_shard(options, mutant)


def spread(items, seed):
    """All of them, in an order each beginning of which is spread evenly over them: by steps of the golden section."""
    left, out, at = list(items), [], random.Random(seed).random()
    while left:
        out.append(left.pop(int(at * len(left))))
        at = (at + (5 ** 0.5 - 1) / 2) % 1
    return out


def reasons(path):
    """name -> reason; lines "NAME REASON", the others are for people."""
    out = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for line in file:
                name, _, reason = line.strip().partition(" ")
                if len(name) == 16 and reason:
                    out[name] = reason
    return out


def describe(path, mutant, source):
    def short(text):
        return " ".join(text.split())

    before = source.text[mutant.start:mutant.end].decode()
    return f"{path}:{mutant.line}: {mutant.function}: {mutant.rule}: {short(before)} -> {short(mutant.text)}"


def changed(source, mutant):
    """The whole file with this one change."""
    return source.text[:mutant.start] + mutant.text.encode() + source.text[mutant.end:]


def tell_survivors(items, file):
    """Prints (path, source, mutant) of each; to the file, if one is named, as the list of reasons has them."""
    for path, source, mutant in items:
        print(f"survived {mutant.name} {describe(path, mutant, source)}")
    if file:
        with open(file, "w", encoding="utf-8") as out:
            for path, source, mutant in items:
                out.write(f"# {describe(path, mutant, source)}\n{mutant.name} \n")
