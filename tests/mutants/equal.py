"""The mutants that no tap can tell from the rule, each with why, by the name that it has.

A name says file, function, what stands there and what it becomes; where a function has several that
read the same, which of them. A line is `NAME -- REASON`.
"""

EQUAL = """
"""


def listed() -> dict[str, str]:
    """Why no tap can tell it from the rule, by the name of the mutant."""
    lines = (line.partition(" -- ") for line in EQUAL.strip().splitlines())
    return {name: reason for name, _, reason in lines}
