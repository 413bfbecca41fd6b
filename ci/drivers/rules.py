"""Which changes of a driver are of a rule that a program can see."""
import re

FILES = ("gntdev.c", "gntalloc.c", "evtchn.c")
MODULES = {"gntdev.c": "xen-gntdev", "gntalloc.c": "xen-gntalloc", "evtchn.c": "xen-evtchn"}

# A statement that is one of these is no rule: it writes the log, asserts what holds, gives memory back, or keeps
# out another call at the same time. What its absence does shows, if at all, in a race or in a week.
NO_RULE = re.compile(
    r"(pr_(debug|err|warn|info)|gntdev_print_maps|WARN(_ON)?|BUG(_ON)?"
    r"|kfree|kvfree|free_page|evtchn_free_ring"
    r"|mutex_(init|lock|unlock)|spin_(lock|unlock)(_irq)?|spin_lock_init|mmap_read_(lock|unlock)"
    r"|smp_[rw]mb|cond_resched)\b")
# The whole of these is no rule: they run when a module goes, or say the log more.
NO_RULES = {"gntdev_exit", "gntalloc_exit", "evtchn_cleanup", "gntdev_print_maps"}


def driver_of(name):
    return name.removesuffix(".c")


def is_rule(mutant, source):
    if mutant.function in NO_RULES:
        return False
    before = source.text[mutant.start:mutant.end].decode()
    return mutant.rule != "statement" or not NO_RULE.match(before)
