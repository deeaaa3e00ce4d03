"""Wraps what can be wrong in ext/rule into switches on one C int, in a copy of the tree.

    python -m tests.mutants.schemata TREE      changes TREE, and writes TREE/mutants.json

So one build holds all mutants: `awake` says which of them it is. A function's
body is near enough to Python that its own parser finds the places, once casts and declarations
are masked by what is as long. Left out are declarations, the targets of an assignment, check()
(it is no rule), what stands outside of functions (a table of functions, limits of time: their uses
are mutated), and that the `return 0` at an end is gone, since a function that ends returns 0.
"""

import ast
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

RULES = Path("ext/rule")
EQUAL = Path(__file__).parent / "equal.txt"
SWITCH = "mutant"
SWITCHED = f"from onecard.{'.'.join(RULES.parts)}.{SWITCH} cimport awake\n"
PXD = """
cdef enum:
    MUTANTS_MAX = 10_000
cdef int MUTANT
cdef unsigned char* REACHED

cdef inline bint awake(int number) noexcept nogil:
    if MUTANT == 0:
        REACHED[number] = 1
    return MUTANT == number
"""
PYX = '''"""Which mutant is awake; where none is (0), it is noted which would have been asked."""

cdef int MUTANT = 0
cdef unsigned char[MUTANTS_MAX] _reached
REACHED = &_reached[0]

def wake(int number):
    global MUTANT
    MUTANT = number

def reached():
    """The numbers asked for since it was called before."""
    cdef int at
    found = [at for at in range(MUTANTS_MAX) if _reached[at]]
    for at in found:
        _reached[at] = 0
    return found
'''
PYI = "def wake(number: int) -> None: ...\ndef reached() -> list[int]: ...\n"
FUNCTION = re.compile(r"^cdef ([^\n(]*)\([^)]*\) noexcept nogil:\n((?:(?: .*)?\n)+)", re.M)
MASKED = re.compile(r"<\w+\*?>|&(?=\w)")  # casts, and addresses
DECLARED = re.compile(r"(?m)^( +)cdef [\w ]*\*? ?(\w+)(?=$| = )")
SAME_TYPE = {  # what else an operator may be
    ast.Lt: ("<=", ">"),
    ast.LtE: ("<", ">="),
    ast.Gt: (">=", "<"),
    ast.GtE: (">", "<="),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
    ast.Add: ("-",),
    ast.Sub: ("+",),
    ast.Mult: ("+",),
    ast.BitAnd: ("|",),
    ast.BitOr: ("&",),
    ast.LShift: (">>",),
    ast.RShift: ("<<",),
}
WRITTEN = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}


@dataclass(frozen=True)
class Mutant:
    number: int
    file: str
    line: int
    function: str
    was: str
    becomes: str
    nth: int  # of those of one function that read the same

    def __str__(self) -> str:
        return f"{self.number} line {self.line}: {self.name}"

    @property
    def name(self) -> str:
        """What it is called for as long as its function stays as it is."""
        nth = f" ({self.nth})" if self.nth > 1 else ""
        return f"{self.file} {self.function}: {self.was} -> {self.becomes}{nth}"


@dataclass
class Source:
    """The text of one file, and the mutants that were found in it so far."""

    file: str
    text: str
    mutants: list[Mutant]
    starts: list[int] = field(default_factory=list)  # of the lines of the body that is looked at
    at: int = 0  # where that begins
    function: str = ""  # whose body it is
    is_asked: bool = False  # that function returns a truth
    pointers: set[str] = field(default_factory=set)  # which its names are of
    empty: set[str] = field(default_factory=set)  # what it declares without a value: C needs one

    def switched(self) -> str:
        """The whole text, each function's body with its switches."""
        made, end = "", 0
        for found in FUNCTION.finditer(self.text):
            self.at = found.start(2)
            said, body = found[1], found[2]
            self.function = said.split()[-1]
            self.is_asked = "bint" in said.split()
            self.pointers = set(re.findall(r"\w\* (\w+)", found[0]))
            self.starts = [0, *(one.end() for one in re.finditer("\n", body))]
            self.empty = set(re.findall(r"(?m)^ +cdef .*?(\w+)$", body))
            masked = MASKED.sub(lambda one: "-".ljust(len(one[0])), body)
            masked = DECLARED.sub(lambda one: one[1].ljust(len(one[0]), "_"), masked)
            (function,) = ast.parse("def _():\n" + masked).body
            assert isinstance(function, ast.FunctionDef)
            made += self.text[end : self.at] + self.block(function.body, is_last=True)
            end = found.end(2)
        return made + self.text[end:]

    # ---- statements ---------------------------------------------------------------------------

    def block(self, statements: list[ast.stmt], is_last: bool = False) -> str:
        """The lines of some statements that stand below each other."""
        return "".join(self.statement(one, is_last and one is statements[-1]) for one in statements)

    def statement(self, node: ast.stmt, is_last: bool) -> str:
        indent, whole = " " * node.col_offset, self.original(node)
        if isinstance(node, ast.If):
            test = self.condition(node.test)
            word = "elif" if whole.startswith("elif") else "if"
            made = f"{indent}{word} {test}:\n{self.block(node.body)}"
            is_elif = node.orelse and self.original(node.orelse[0]).startswith("elif")
            orelse = f"{indent}else:\n" if node.orelse and not is_elif else ""
            return made + orelse + self.block(node.orelse)
        if isinstance(node, ast.For):
            head = whole[: self.span(node.body[0])[0] - self.span(node)[0]]
            return f"{indent}{head.rstrip()}\n{self.block(node.body)}"
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant | ast.Name)
        if is_text or whole.startswith("check("):
            return f"{indent}{whole}\n"
        is_truth = whole.startswith("cdef bint ") or (
            isinstance(node, ast.Return) and self.is_asked
        )
        said = self.truth if is_truth else self.expression
        kept = f"{indent}{self.inside(node, self.children(node), said)}\n"
        is_end = is_last and whole == "return 0"
        if is_end or whole.startswith("cdef ") or whole.split(" ")[0] in self.empty:
            return kept
        number = self.found(node, whole, "nothing")
        return f"{indent}if not awake({number}):\n    {kept}"

    def condition(self, node: ast.expr) -> str:
        """What is asked by an `if`, which may also be always so, or never."""
        whole = self.original(node)
        never, always = (self.found(node, whole, word) for word in ("False", "True"))
        return f"(not awake({never}) and (awake({always}) or {self.truth(node)}))"

    # ---- expressions --------------------------------------------------------------------------

    def expression(self, node: ast.expr) -> str:
        """What is equal to it, unless one of its mutants is awake.

        `a or b` is one of the two here, and not whether one of them is so.
        """
        made = f"({self.inside(node, self.children(node))})"
        return self.switch(node, self.others(node), made)

    def truth(self, node: ast.expr) -> str:
        """The same where only its truth is asked for."""
        match node:
            case ast.BoolOp(op, values):
                word = "and" if isinstance(op, ast.And) else "or"
                made = f"({self.inside(node, values, self.truth)})"
                rests = ([other for other in values if other is not one] for one in values)
                said = (f" {word} ".join(map(self.asked, rest)) for rest in rests)
                return self.switch(node, said, made)
            case ast.UnaryOp(ast.Not(), operand):
                made = f"(not {self.truth(operand)})"
                return self.switch(node, [self.asked(operand)], made)
            case ast.Compare():
                return self.expression(node)
        return f"({self.expression(node)} != 0)"

    def switch(self, node: ast.expr, others: Iterable[str], made: str) -> str:
        """`made`, unless one of the others is awake."""
        for other in others:
            number = self.found(node, self.original(node), other)
            made = f"(({other}) if awake({number}) else {made})"
        return made

    def asked(self, node: ast.expr) -> str:
        """A truth as C has it, of what may be a number: both ways of a switch are of one type."""
        whole = self.original(node)
        is_truth = isinstance(node, ast.BoolOp | ast.Compare) or (
            isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
        )
        return f"({whole})" if is_truth else f"(({whole}) != 0)"

    def others(self, node: ast.expr) -> Iterator[str]:
        """What could stand there instead, of the same type."""
        whole = self.original(node)
        match node:
            case ast.BoolOp(_, values):
                yield from map(self.original, values)
            case ast.Compare(left, [op], [right]):
                for sign in SAME_TYPE[type(op)]:
                    yield f"({self.original(left)}) {sign} ({self.original(right)})"
            case ast.Compare(left, ops, rest):
                sides = [self.original(one) for one in (left, *rest)]
                signs = [WRITTEN[type(op)] for op in ops]
                for at, op in enumerate(ops):
                    for sign in SAME_TYPE[type(op)]:
                        now = [*signs[:at], sign, *signs[at + 1 :]]
                        said = [
                            f" {s} ({self.original(n)})" for s, n in zip(now, rest, strict=True)
                        ]
                        yield f"({sides[0]})" + "".join(said)
            case ast.BinOp(ast.Name(name), ast.Sub()) if name in self.pointers:  # they have no sum
                yield f"{whole} + 1"
            case ast.BinOp(left, op, right):
                for sign in SAME_TYPE[type(op)]:
                    yield f"({self.original(left)}) {sign} ({self.original(right)})"
            case ast.UnaryOp(ast.USub() | ast.Invert(), operand) if whole[0] in "-~":
                yield self.original(operand)
            case ast.IfExp(_, body, orelse):
                yield self.original(body)
                yield self.original(orelse)
            case ast.Constant(True | False):
                yield str(not node.value)
            case ast.Constant(int()):
                yield f"{whole} + 1"
            case ast.Attribute(ast.Name(name)) if name[0].isupper():  # of an enum: its neighbour
                yield f"{whole} ^ 1"

    def inside(
        self, node: ast.AST, children: list[ast.expr], said: Callable[..., str] | None = None
    ) -> str:
        """The text of a node, each of these children as `said`: else with its switches."""
        start, end = self.span(node)
        made = ""
        for child in children:
            first, last = self.span(child)
            made += self.text[start:first] + (said or self.expression)(child)
            start = last
        return made + self.text[start:end]

    def children(self, node: ast.AST) -> list[ast.expr]:
        """What is evaluated for it, in order; neither what is called nor whom it is assigned to."""
        match node:
            case ast.Call(_, args):
                found = args
            case ast.Assign(_, value) | ast.AugAssign(_, _, value) | ast.Expr(value):
                found = [value]
            case ast.Return(value):
                found = [value] if value else []
            case ast.UnaryOp(_, ast.Subscript(_, index)) if self.original(node)[0] == "&":
                found = [index]
            case ast.UnaryOp(_, operand) if self.original(node)[0] != "&":
                found = [operand]
            case ast.Subscript(_, index):
                found = [index]
            case ast.BinOp(left, _, right):
                found = [left, right]
            case ast.BoolOp(_, values):
                found = values
            case ast.Compare(left, _, rest):
                found = [left, *rest]
            case ast.IfExp(test, body, orelse):
                found = [body, test, orelse]
            case _:
                found = []
        return [one for one in found if not isinstance(one, ast.Name)]

    # ---- places -------------------------------------------------------------------------------

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Where it stands in the text; its line 1 is the `def` before the body."""
        assert isinstance(node, ast.expr | ast.stmt) and node.end_lineno and node.end_col_offset
        start = self.starts[node.lineno - 2] + node.col_offset
        return self.at + start, self.at + self.starts[node.end_lineno - 2] + node.end_col_offset

    def original(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.text[start:end]

    def found(self, node: ast.AST, was: str, becomes: str) -> int:
        """The number of one mutant more."""
        line = self.text.count("\n", 0, self.span(node)[0]) + 1
        number, file = len(self.mutants) + 1, Path(self.file).name
        said = (self.function, " ".join(was.split()), " ".join(becomes.split()))
        alike = [
            one
            for one in self.mutants
            if (one.file, one.function, one.was, one.becomes) == (file, *said)
        ]
        self.mutants.append(Mutant(number, file, line, *said, len(alike) + 1))
        return number


def switch(tree: Path) -> list[Mutant]:
    """Wrap the rules of a copy of the tree; all mutants, in order of their numbers."""
    mutants: list[Mutant] = []
    for path in sorted((tree / RULES).glob("*.p[xy][dx]")):
        source = Source(str(path), path.read_text(), mutants)
        made = source.switched()
        if made != source.text:
            first = re.search(r"(?m)^(from|cimport|cdef|ctypedef) ", made)
            assert first
            path.write_text(made[: first.start()] + SWITCHED + made[first.start() :])
    (tree / RULES / f"{SWITCH}.pxd").write_text(PXD)
    (tree / RULES / f"{SWITCH}.pyx").write_text(PYX)
    (tree / RULES / f"{SWITCH}.pyi").write_text(PYI)
    (tree / "mutants.json").write_text(json.dumps([asdict(one) for one in mutants]))
    return mutants


def listed() -> dict[str, str]:
    """Why no tap can tell it from the rule, by the name of each mutant in equal.txt."""
    found, reason = {}, ""
    for line in EQUAL.read_text().partition("\n\n")[2].splitlines():
        if line.startswith("-- "):
            reason = line[3:]
        else:
            found[line] = reason
    return found


if __name__ == "__main__":
    print(f"{len(switch(Path(sys.argv[1])))} mutants")
