"""What the printed card numbers of a ledger look like: stamped by `onecard init`, for ever.

A number is taken as it is or refused, and never mended: a token is of every character, so a number
with a blank behind it would be another card. Nothing here shows a number.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from onecard.core.errors import BadInput

LENGTH_MAX = 64  # bytes of the widest column of a bank's file that holds one; ours are below 32
TEXT = re.compile(
    r"(?P<characters>digits|ascii) (?P<shortest>[0-9]{1,2})-(?P<longest>[0-9]{1,2})"
    r"(?P<luhn> luhn)?(?: prefix (?P<prefixes>[!-~]+))?"
)
LENGTH = re.compile(r"(?P<shortest>[0-9]{1,2})(?:-(?P<longest>[0-9]{1,2}))?")
# 6.217E+18 of a spreadsheet, 6.217e+18 or 6217.0 of a program that took the column for numbers.
FLOAT = re.compile(r"[0-9](?:[.,][0-9]+)?[Ee]\+[0-9]{2,3}|[0-9]+\.0+")


class Characters(StrEnum):
    """Of which a number may consist."""

    ANY = "any"  # a ledger from before numbers had a form
    ASCII = "ascii"  # printable, without blanks
    DIGITS = "digits"  # 0 to 9


@dataclass(frozen=True)
class CardForm:
    """The form of a ledger's card numbers. Lengths are in characters; no prefix: any beginning."""

    characters: Characters
    shortest: int = 1
    longest: int = LENGTH_MAX
    luhn: bool = False
    prefixes: tuple[str, ...] = ()

    @classmethod
    def made(
        cls,
        digits: bool = False,
        length: str = "1-32",
        luhn: bool = False,
        prefixes: Sequence[str] = (),
    ) -> "CardForm":
        """Of what a person chose; the check digit implies digits. BadInput where it is no form."""
        found = LENGTH.fullmatch(length)
        shortest = int(found["shortest"]) if found else 0
        longest = int(found["longest"] or shortest) if found else 0
        if not 1 <= shortest <= longest <= LENGTH_MAX:
            raise BadInput(
                f"card length: expected a length or a range within 1 to {LENGTH_MAX}, such as "
                f"16-19, found {length!r}"
            )
        characters = Characters.DIGITS if digits or luhn else Characters.ASCII
        form = cls(characters, shortest, longest, luhn, tuple(prefixes))
        for prefix in prefixes:
            fits = form.allowed.fullmatch(prefix) and "," not in prefix
            if not fits or len(prefix) > shortest:
                raise BadInput(
                    f"card prefix: expected at most {shortest} {form.what}, and no comma, found "
                    f"{prefix!r}"
                )
        return form

    @classmethod
    def parse(cls, text: str) -> "CardForm":
        """Of what `text` gave; nothing is the form of a ledger from before. ValueError."""
        if not text:
            return ANY
        found = TEXT.fullmatch(text)
        if found is None:
            raise ValueError(f"expected a form of card numbers, found {text!r}")
        prefixes = found["prefixes"].split(",") if found["prefixes"] else ()
        length = f"{found['shortest']}-{found['longest']}"
        digits = found["characters"] == Characters.DIGITS
        return cls.made(digits, length, bool(found["luhn"]), prefixes)

    def text(self) -> str:
        """For ledger.toml and for programs: `digits 16-19 luhn prefix 3100,3101`."""
        if self.characters == Characters.ANY:
            return ""
        luhn = " luhn" if self.luhn else ""
        prefix = f" prefix {','.join(self.prefixes)}" if self.prefixes else ""
        return f"{self.characters} {self.shortest}-{self.longest}{luhn}{prefix}"

    def __str__(self) -> str:
        """For people: 16 to 19 digits that begin with 3100 and end with their check digit."""
        lengths = f"{self.shortest} to {self.longest}"
        if self.shortest == self.longest:
            lengths = str(self.shortest)
        rules = [f"begin with {' or '.join(self.prefixes)}"] if self.prefixes else []
        rules += ["end with their check digit (Luhn)"] if self.luhn else []
        return f"{lengths} {self.what}" + (f" that {' and '.join(rules)}" if rules else "")

    def check(self, number: str) -> None:
        """BadInput unless the number has this form; it says what is wrong and not the number."""
        fault = self.fault(number)
        if fault is not None:
            raise BadInput(f"card number: expected {self}, found {fault}")

    def fault(self, number: str) -> str | None:
        """What is wrong with a number, in words that do not show it; None where nothing is."""
        if self.characters == Characters.ANY:
            return None
        if not number:
            return "none"
        spreadsheet = spreadsheet_fault(number)
        if spreadsheet is not None:
            return spreadsheet
        if not self.allowed.fullmatch(number):
            return self._stranger(number)
        if not self.shortest <= len(number) <= self.longest:
            return f"{len(number)}"
        if self.prefixes and not number.startswith(self.prefixes):
            return "another beginning"
        if self.luhn and not passes_luhn(number):
            return "another check digit: one digit is wrong, or two are exchanged"
        return None

    @property
    def what(self) -> str:
        """The characters, for people."""
        if self.characters == Characters.DIGITS:
            return "digits"
        return "printable ASCII characters without blanks"

    @cached_property
    def allowed(self) -> re.Pattern[str]:
        """Only such characters, however many."""
        return re.compile("[0-9]+" if self.characters == Characters.DIGITS else "[!-~]+")

    def _stranger(self, number: str) -> str:
        """The first character that may not be in it."""
        at, sign = next(
            (at, sign) for at, sign in enumerate(number, 1) if not self.allowed.fullmatch(sign)
        )
        category = unicodedata.category(sign)
        if category == "Nd":
            return f"a digit of another script or width as character {at}"
        if sign.isspace() or not sign.isprintable():
            kind = "a blank or the end of a line" if sign.isspace() else "an invisible character"
            return f"{kind} (U+{ord(sign):04X}) as character {at}"
        return f"another sign as character {at}"


ANY = CardForm(Characters.ANY)
DEFAULT = CardForm.made()


def spreadsheet_fault(number: str) -> str | None:
    """What a spreadsheet made of a printed number, in words; None where it did nothing."""
    if FLOAT.fullmatch(number):
        return "a float, as a spreadsheet writes it: format its column as text"
    if number.startswith(("=", "'")):
        return "a formula or an apostrophe, as a spreadsheet writes text: write the number alone"
    return None


def passes_luhn(digits: str) -> bool:
    """Returns True when the last digit is the check digit of the others (ISO/IEC 7812-1)."""
    doubled = (int(digit) * (1 + at % 2) for at, digit in enumerate(reversed(digits)))
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0
