"""What a boolean says is said in one way: "Returns True when ...", in every language of ours."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.house.test_folders import CODE, OURS, ROOT, files

SAYS = "Returns True when"
CYTHON = (".pyx", ".pxd")
# A function of Cython that gives a bint by its declaration, or one that may say so after its list.
FUNCTION = re.compile(r"^[ \t]*(?:(c(?:p)?def)[^\n(=]*?\bbint[ ]+|def[ ]+)(\w+)\(", re.M)
DOCSTRING = re.compile(r'[^\n]*:[^\n]*\n\s*"""(.*?)"""', re.S)


def booleans(path: str, source: str) -> Iterator[tuple[int, str, str]]:
    """Line, name and docstring of each function that gives a boolean and has a docstring."""
    if path.endswith(CYTHON):
        for match in FUNCTION.finditer(source):
            end = after_brackets(source, match.end())
            annotated = re.match(r"\s*->\s*(bool|bint)\b", source[end:])
            said = DOCSTRING.match(source, end)
            if said and (match[1] or annotated):
                yield source.count("\n", 0, match.start()) + 1, match[2], said[1]
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
            said_here = ast.get_docstring(node)
            if ast.unparse(node.returns) == "bool" and said_here:
                yield node.lineno, node.name, said_here


def after_brackets(source: str, at: int) -> int:
    """Where the list ends that a bracket just before `at` opens."""
    depth = 1
    while depth:
        depth += {"(": 1, ")": -1}.get(source[at], 0)
        at += 1
    return at


def complaints(path: str, source: str) -> list[str]:
    return [
        f"{path}:{line}: {name}: expected {SAYS} ..., found {said.strip()[:60]!r}"
        for line, name, said in booleans(path, source)
        if SAYS not in " ".join(said.split())
    ]


def test_a_boolean_says_when_it_is_true() -> None:
    found = []
    looked = 0
    for path in files(*CODE):
        name = path.relative_to(ROOT).as_posix()
        if name.split("/")[0] in OURS:
            source = path.read_text()
            looked += sum(1 for _ in booleans(name, source))
            found += complaints(name, source)
    assert looked > 50
    assert not found, "\n".join(found)


EXAMPLES = [  # file, what it holds, complaints
    ("core/a.py", 'def f() -> bool:\n    """Whether it is."""\n', 1),
    ("core/a.py", 'async def f() -> bool:\n    """Wait; are any left?"""\n', 1),
    ("core/a.py", 'class A:\n    def f(self) -> bool:\n        """No while one runs."""\n', 1),
    ("core/a.py", 'def f() -> bool:\n    """Wait. Returns\n    True when it came."""\n', 0),
    ("core/a.py", "def f() -> bool:\n    return True\n", 0),
    ("core/a.py", 'def f() -> int:\n    """How many."""\n', 0),
    ("ext/a.pyx", 'cdef inline bint f(int a) noexcept nogil:\n    """Whether."""\n', 1),
    ("ext/a.pyx", 'cpdef bint f(\n    A a, int b(int),\n) except -1:\n    """True where."""\n', 1),
    ("ext/a.pyx", '    def f(self) -> bool:\n        """True where."""\n', 1),
    ("ext/a.pyx", 'cdef bint f(int a):\n    """Returns True when it is."""\n', 0),
    ("ext/a.pyx", 'cdef bint f(int a):\n    return a\ncdef int g():\n    """How many."""\n', 0),
    ("ext/a.pyx", '    def f(self):\n        """How many."""\n', 0),
]


@pytest.mark.parametrize(("path", "source", "count"), EXAMPLES)
def test_what_is_found(path: str, source: str, count: int) -> None:
    assert len(complaints(path, source)) == count
