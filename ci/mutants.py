"""Single changes of a C file, by rule; for ci/mutate and ci/mutate-drivers.

A mutant is one change: a comparison turned or moved by one, a constant by one, a statement left out, two
checks in a row swapped, "and" for "or". What is a comparison or a statement is libclang's word.
"""
import hashlib
from collections import namedtuple

from clang import cindex
from clang.cindex import CursorKind as K

# start and end are bytes of the file; name tells it from every other one as long as its function stays.
Mutant = namedtuple("Mutant", "name rule function line start end text")

COMPARISONS = {
    "<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"),
    "==": ("!=",), "!=": ("==",),
}
LOGIC = {"&&": ("||",), "||": ("&&",)}
# Statements whose absence changes nothing that anybody could want, or does not compile.
KEPT = {K.DECL_STMT, K.NULL_STMT, K.COMPOUND_STMT, K.RETURN_STMT, K.BREAK_STMT, K.CASE_STMT,
        K.DEFAULT_STMT, K.LABEL_STMT}


class Source:
    def __init__(self, path, args):
        with open(path, "rb") as file:
            self.text = file.read()
        self.path = path
        self.unit = cindex.Index.create().parse(path, args=args)
        errors = [d for d in self.unit.diagnostics if d.severity >= cindex.Diagnostic.Error]
        if errors:
            raise RuntimeError(f"{path}: libclang can't read it: {errors[0]}")

    def has(self, cursor):
        return cursor.location.file is not None and cursor.location.file.name == self.path

    def span(self, cursor):
        return cursor.extent.start.offset, cursor.extent.end.offset

    def semicolon(self, end):
        """Behind the ';' that ends a statement; None: there is none."""
        while end < len(self.text) and self.text[end:end + 1].isspace():
            end += 1
        return end + 1 if self.text[end:end + 1] == b";" else None


def operator(source, cursor):
    """The operator of "a OP b": the token between the operands; (None, 0) in a macro."""
    left, right = list(cursor.get_children())
    begin, end = left.extent.end.offset, right.extent.start.offset
    for token in cursor.get_tokens():
        at = token.extent.start.offset
        if begin <= at < end and token.spelling in (*COMPARISONS, *LOGIC):
            return token.spelling, at
    return None, 0


def literal(text):
    digits = text.rstrip("uUlL")
    try:
        return int(digits, 0), text[len(digits):]
    except ValueError:
        return None, ""


def is_check(cursor):
    """if (…) return …; or goto, without else"""
    children = list(cursor.get_children())
    return (cursor.kind == K.IF_STMT and len(children) == 2
            and children[1].kind in (K.RETURN_STMT, K.GOTO_STMT))


def changes(source, cursor):
    """(rule, start, end, text) of what can be changed at this node itself."""
    start, end = source.span(cursor)
    if cursor.kind == K.BINARY_OPERATOR:
        name, at = operator(source, cursor)
        for other in COMPARISONS.get(name, ()):
            yield "comparison", at, at + len(name), other
        for other in LOGIC.get(name, ()):
            yield "logic", at, at + len(name), other
    elif cursor.kind == K.INTEGER_LITERAL:
        value, suffix = literal(source.text[start:end].decode())
        if value is not None:
            yield "constant", start, end, f"{value + 1}{suffix}"
            if value > 0:
                yield "constant", start, end, f"{value - 1}{suffix}"
    elif cursor.kind in (K.COMPOUND_STMT, K.CASE_STMT, K.DEFAULT_STMT):
        yield from statements(source, list(cursor.get_children()))
    elif cursor.kind in (K.IF_STMT, K.WHILE_STMT):
        yield from statements(source, list(cursor.get_children())[1:])
    elif cursor.kind == K.FOR_STMT:  # what is between its parentheses is no statement
        yield from statements(source, list(cursor.get_children())[-1:])


def statements(source, children):
    for n, child in enumerate(children):
        start, end = source.span(child)
        after = source.semicolon(end)
        if child.kind.is_expression() and after:
            yield "statement", start, after, ";"
        if is_check(child) and n + 1 < len(children) and is_check(children[n + 1]):
            second = children[n + 1]
            first_end = source.semicolon(end)
            second_end = source.semicolon(second.extent.end.offset)
            if first_end and second_end:
                text = source.text
                between = text[first_end:second.extent.start.offset]
                swapped = text[second.extent.start.offset:second_end] + between + text[start:first_end]
                yield "order", start, second_end, swapped.decode()


def mutants_of(path, args):
    """All mutants of a file, as (source, list)."""
    source, out = Source(path, args), []
    for function in source.unit.cursor.get_children():
        if function.kind != K.FUNCTION_DECL or not function.is_definition() or not source.has(function):
            continue
        begin, end = source.span(function)
        body = hashlib.sha256(source.text[begin:end]).hexdigest()[:12]
        seen = set()
        for cursor in function.walk_preorder():
            if not source.has(cursor):
                continue
            for rule, at, until, text in changes(source, cursor):
                if (at, until, text) in seen or not begin <= at < until <= end:
                    continue
                seen.add((at, until, text))
                name = f"{path}:{function.spelling}:{body}:{at - begin}:{until - begin}:{text}"
                name = hashlib.sha256(name.encode()).hexdigest()[:16]
                line = source.text.count(b"\n", 0, at) + 1
                out.append(Mutant(name, rule, function.spelling, line, at, until, text))
    return source, out
