"""The process that tests kill: one call of a store, and a word when it is answered.

python -m tests.erasable.child FOLDER put|erase|sweep
"""

import sys
from pathlib import Path

from tests.erasable.kept import DAY, card, numbers, opened

PUT, ERASED, SWEPT = range(201, 301), range(1, 41), range(101, 201)
ANSWERED = "answered"


def main() -> None:
    folder, what = Path(sys.argv[1]), sys.argv[2]
    with opened(folder) as store:
        if what == "put":
            store.put(numbers(PUT[0], len(PUT)), DAY + 1)
        elif what == "erase":
            store.erase([card(number) for number in ERASED], 5)
        elif what == "sweep":
            store.sweep(DAY + 1)
        else:
            raise ValueError(what)
        print(ANSWERED, flush=True)


if __name__ == "__main__":
    main()
