"""The process that tests kill: one call of a store, and a word when it is answered.

python -m tests.erasable.child FOLDER put|erase|sweep
"""

import sys
from pathlib import Path

from tests.erasable.kept import DAY, card, numbers, opened

PUT, ERASED, SWEPT = range(201, 301), range(1, 41), range(101, 201)
ANSWERED = "answered"


def call(folder: Path, what: str) -> None:
    """Open the store, and ask it once."""
    with opened(folder) as store:
        if what == "put":
            store.put(numbers(PUT[0], len(PUT)), DAY + 1)
        elif what == "erase":
            store.erase([card(number) for number in ERASED], 5)
        elif what == "sweep":
            store.sweep(DAY + 1)
        else:
            raise ValueError(what)


if __name__ == "__main__":
    call(Path(sys.argv[1]), sys.argv[2])
    print(ANSWERED, flush=True)
