"""The refusals of docs/ledger.md in their order, each with every way to break it, as data.

A line of RULES is a rule's number (a letter where it is of a kind), what is answered, and what of a
tap and its world breaks it: of each field all the values that do, whatever the other fields are. So
two lines can be broken by one tap where they leave a value in every field that both name, and then
that tap breaks both.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

from onecard.ext.shape.numbers import Kind, Outcome

# Every field and its values; the first is the sound one, unless SOUND says otherwise of a kind.
FIELDS = {
    "kind": (*Kind.__members__, "none"),
    "token": ("known", "unknown", "zero"),
    "flags": ("0", "1", "2", "3", "4", "5"),  # 1 is OFFLINE, 2 RATED, 4 is no flag
    # 100, 0, -1, -150, 150, beyond the limit
    "amount": ("plain", "zero", "negative", "less", "more", "huge", "low"),
    "named": ("none", "original", "unknown", "own", "voided"),  # by `about`, or by a REVERSAL
    # Microseconds after 1970; before age_max, before go_live, before the tariff, before the entry;
    # beyond ahead_max, and in 2100.
    "at": ("now", "low", "old", "unborn", "early", "before", "future", "high"),
    "gate": ("known", "unknown"),
    "principal": ("all", "other", "former"),  # former: whose a terminal was that moved
    "identity": ("fresh", "repeat", "conflict", "voided"),
    # That is not 0, and no part of it; of caused_by "later" is a sequence never booked.
    "column": ("none", "about", "target", "line", "caused_by", "later", "sponsor"),
    "terminal": ("active", "blocked", "internal"),
    # A code that is loaded, 0, one that is not; one that is closed and takes little, one that takes
    # little.
    "scene": ("given", "none", "unknown", "closed", "small"),
    "operator": ("metro", "edge"),  # of edge no sum fits any more
    "moved": ("no", "yes"),  # the terminal is another operator's than it was
    "live": ("past", "ahead"),  # go_live
    "status": ("active", "blocked", "found"),  # found: it was blocked, and is not any more
    "denied": ("no", "yes"),
    "funding": ("prepaid", "chip", "credit"),
    "funds": ("rich", "poor"),
    "place": ("known", "none", "beyond"),
    # elsewhere: in another network; full: of another mode, and no room for one beside it.
    "journey": ("none", "open", "elsewhere", "full"),
    "original": ("ride", "top_up", "hold", "refund", "declined"),  # what is named, 100 fen each
    "owner": ("own", "other"),  # whose it is
    "used": ("no", "part", "closed"),
    # By which it is held there: none that were loaded, or some that give it an end; and whether the
    # hold that is named is over by now.
    "terms": ("none", "lasting", "over"),
    "sponsor": ("known", "none", "unknown"),
    "ends": ("none", "later", "past"),
    "lots": ("few", "many", "full"),  # on the account; full: in the whole ledger
}
SOUND = {
    "ENTRY": {"amount": "zero"},
    "CHECK": {"amount": "zero"},
    "EVENT": {"amount": "zero"},
    "EXIT": {"amount": "zero", "journey": "open"},
    "REFUND": {"named": "original"},
    "REVERSAL": {"amount": "zero", "named": "original"},
    "CAPTURE": {"named": "original", "original": "hold"},
    "RELEASE": {"amount": "zero", "named": "original", "original": "hold"},
    "ADJUST": {"named": "original", "terminal": "internal"},
    "GRANT": {"terminal": "internal"},
}
MAY_BE_OFFLINE = ("RIDE", "ENTRY", "EXIT", "PURCHASE", "CHECK", "EVENT")
RULES = """
1   KIND_UNKNOWN        kind=none
2   CARD_ZERO           token=zero
3   FLAG_UNKNOWN        flags=4,5
4   OFFLINE_NOT_ALLOWED flags=1,3,5 kind=!RIDE,ENTRY,EXIT,PURCHASE,CHECK,EVENT
4a  FLAG_NOT_ALLOWED    flags=2,3 kind=!EXIT
5   AMOUNT_NEGATIVE     amount=negative,less,low kind=!ADJUST
6   AMOUNT_UNEXPECTED   amount=!zero kind=ENTRY,REVERSAL,RELEASE,CHECK,EVENT
6   AMOUNT_UNEXPECTED   amount=!zero kind=EXIT flags=0,1,4,5
7   AMOUNT_ZERO         amount=zero kind=REFUND,TOP_UP,HOLD,CAPTURE,ADJUST,GRANT
8   ABOUT_MISSING       named=none kind=REFUND,CAPTURE,RELEASE,ADJUST
8   ABOUT_MISSING       named=own kind=REVERSAL
8a  SCENE_MISSING       scene=none kind=EVENT
9   TIME_IMPOSSIBLE     at=low,high
10  TERMINAL_UNKNOWN    gate=unknown
11  TERMINAL_FOREIGN    gate=known principal=other
11  TERMINAL_FOREIGN    gate=known principal=former moved=no
11  TERMINAL_FOREIGN    gate=known principal=former moved=yes identity=fresh
11  TERMINAL_FOREIGN    gate=known principal=former terminal=internal
12  VOIDED              gate=known principal=former moved=yes identity=voided \
                        terminal=active,blocked
12  CONFLICT            gate=known principal=former moved=yes identity=conflict \
                        terminal=active,blocked
12  REPEATED            gate=known principal=former moved=yes identity=repeat \
                        terminal=active,blocked
12  VOIDED              gate=known identity=voided terminal=active,blocked
12  CONFLICT            gate=known identity=conflict
12  REPEATED            gate=known identity=repeat
12a COLUMN_UNEXPECTED   column=about kind=!REFUND,CAPTURE,RELEASE,ADJUST
12a COLUMN_UNEXPECTED   column=target kind=!REVERSAL
12a COLUMN_UNEXPECTED   column=line kind=!RIDE,ENTRY,EXIT
12a COLUMN_UNEXPECTED   column=caused_by,later kind=!ADJUST
12a COLUMN_UNEXPECTED   column=sponsor kind=!GRANT
13  TERMINAL_BLOCKED    gate=known terminal=blocked
13  KIND_NOT_ALLOWED    gate=known terminal=active,blocked kind=ADJUST,GRANT
13  KIND_NOT_ALLOWED    gate=known terminal=internal kind=!ADJUST,RELEASE,GRANT,REVERSAL
14  AMOUNT_BEYOND_LIMIT amount=huge,low
14a HOLDS_FULL          gate=known kind=HOLD terms=lasting,over
14b HOLD_NOT_EXPIRED    gate=known terminal=internal kind=RELEASE named=original original=hold \
                        terms=none,lasting
14b HOLD_NOT_EXPIRED    gate=known terminal=internal kind=RELEASE named=original original=hold \
                        terms=over at=low,old,unborn,early
14c LOTS_FULL           kind=GRANT lots=full
14d JOURNEYS_FULL       kind=ENTRY gate=known token=known journey=full
15  TIME_TOO_OLD        at=low,old,unborn
15  TIME_TOO_OLD        at=!high live=ahead
16  TIME_IN_FUTURE      at=future,high
17  CARD_UNKNOWN        token=unknown,zero
18  CARD_BLOCKED        token=known status=blocked flags=0,2,4 \
                        kind=!REFUND,REVERSAL,CAPTURE,RELEASE,ADJUST
18  CARD_BLOCKED        token=known status=blocked flags=1,3,5 \
                        kind=!REFUND,REVERSAL,CAPTURE,RELEASE,ADJUST \
                        at=now,early,before,future,high
18  CARD_BLOCKED        token=known status=found kind=!REFUND,REVERSAL,CAPTURE,RELEASE,ADJUST \
                        at=early,before
19  CARD_DENIED         token=known denied=yes funding=prepaid flags=0,2,4 \
                        kind=RIDE,ENTRY,PURCHASE,HOLD,CHECK
20  SCENE_UNKNOWN       scene=unknown kind=!REFUND,REVERSAL,CAPTURE,RELEASE,ADJUST
21  SCENE_CLOSED        scene=closed kind=!REFUND,REVERSAL,CAPTURE,RELEASE,ADJUST \
                        at=now,future,high
22  AMOUNT_ABOVE_SCENE  scene=closed,small kind=RIDE,PURCHASE,HOLD amount=plain,more,huge
a   FUNDS               kind=RIDE,PURCHASE token=known funding=prepaid funds=poor flags=0,2,4 \
                        amount=plain,more,huge
b   PLACE_UNKNOWN       kind=ENTRY gate=known place=none
b   TARIFF_UNKNOWN      kind=ENTRY at=low,old,unborn,early
b   FARE_UNKNOWN        kind=ENTRY at=now,before,future,high place=beyond
b   FUNDS               kind=ENTRY at=now,before,future,high token=known funding=prepaid \
                        funds=poor flags=0,2,4
c   PLACE_UNKNOWN       kind=EXIT gate=known place=none
c   FUNDS               kind=EXIT token=known funding=prepaid funds=poor flags=2 \
                        amount=plain,more,huge
c   NO_OPEN_JOURNEY     kind=EXIT journey=none,elsewhere,full flags=0,1,4,5
c   EXIT_BEFORE_ENTRY   kind=EXIT token=known journey=open,elsewhere flags=0,1,4,5 \
                        at=low,old,unborn,early,before
c   FARE_UNKNOWN        kind=EXIT token=known journey=open,elsewhere place=beyond flags=0,1,4,5
c   FUNDS               kind=EXIT token=known journey=open,elsewhere place=known funding=prepaid \
                        funds=poor flags=0,4
d   TOP_UP_NOT_ALLOWED  kind=TOP_UP token=known funding=credit
d   BALANCE_OVERFLOW    kind=TOP_UP token=known gate=known operator=edge amount=plain,more,huge
e   ORIGINAL_UNKNOWN    kind=REFUND named=none,unknown
e   NOT_REFUNDABLE      kind=REFUND named=original original=top_up,hold,refund,declined
e   CARD_MISMATCH       kind=REFUND named=original owner=other
e   ORIGINAL_FOREIGN    kind=REFUND named=original gate=known moved=yes
e   ORIGINAL_CLOSED     kind=REFUND named=original original=ride,top_up,hold used=closed
e   AMOUNT_EXCEEDS_ORIGINAL kind=REFUND named=original amount=more,huge
e   AMOUNT_EXCEEDS_ORIGINAL kind=REFUND named=original original=ride used=part \
                        amount=plain,more,huge
f   ORIGINAL_CLOSED     kind=REVERSAL gate=known named=voided
f   CARD_MISMATCH       kind=REVERSAL gate=known named=original owner=other
f   ACCEPTED            kind=REVERSAL gate=known named=original original=declined
f   ORIGINAL_FOREIGN    kind=REVERSAL gate=known named=original moved=yes
f   NOT_REVERSIBLE      kind=REVERSAL gate=known named=original original=refund
f   ORIGINAL_CLOSED     kind=REVERSAL gate=known named=original used=closed \
                        original=ride,top_up,hold
f   ORIGINAL_CLOSED     kind=REVERSAL gate=known named=original original=ride used=part
f   FUNDS               kind=REVERSAL gate=known named=original original=top_up token=known \
                        funding=prepaid funds=poor
g   HOLD_NOT_ALLOWED    kind=HOLD token=known funding=chip,credit
g   FUNDS               kind=HOLD token=known funding=prepaid funds=poor amount=plain,more,huge
h   ORIGINAL_UNKNOWN    kind=CAPTURE,RELEASE named=none,unknown
h   NOT_A_HOLD          kind=CAPTURE,RELEASE named=original original=ride,top_up,refund,declined
h   CARD_MISMATCH       kind=CAPTURE,RELEASE named=original owner=other
h   ORIGINAL_FOREIGN    kind=CAPTURE,RELEASE named=original gate=known moved=yes \
                        terminal=active,blocked
h   ORIGINAL_CLOSED     kind=CAPTURE,RELEASE named=original original=ride,top_up,hold used=closed
h   HOLD_EXPIRED        kind=CAPTURE named=original original=hold terms=over \
                        at=now,before,future,high
h   AMOUNT_EXCEEDS_ORIGINAL kind=CAPTURE named=original amount=more,huge
i   ORIGINAL_UNKNOWN    kind=ADJUST named=none,unknown
i   ORIGINAL_UNKNOWN    kind=ADJUST column=later
i   NOT_REFUNDABLE      kind=ADJUST named=original original=top_up,hold,refund,declined
i   CARD_MISMATCH       kind=ADJUST named=original owner=other
i   ORIGINAL_CLOSED     kind=ADJUST named=original original=ride,top_up,hold used=closed
i   AMOUNT_EXCEEDS_ORIGINAL kind=ADJUST named=original amount=less,low
j   GRANT_NOT_ALLOWED   kind=GRANT token=known funding=chip,credit
j   SPONSOR_UNKNOWN     kind=GRANT sponsor=none,unknown
j   LOT_ENDED           kind=GRANT ends=past at=!low
j   LOTS_TOO_MANY       kind=GRANT token=known funding=prepaid lots=many
"""
REPEATED = "REPEATED"  # what was answered before, whatever that was


@dataclass(frozen=True)
class Way:
    """One line of RULES."""

    place: str
    outcome: str
    broken_by: dict[str, frozenset[str]]

    @property
    def number(self) -> int:
        """Of 8a it is 8, of 12a 12; 0 where it is a rule of a kind."""
        return int("0" + self.place.rstrip("abcdefghij"))

    @property
    def softened(self) -> bool:
        """Returns True when an offline tap is booked to suspense by it."""
        return not 0 < self.number < 15 and (self.outcome not in ("BALANCE_OVERFLOW", "ACCEPTED"))


@dataclass(frozen=True)
class Case:
    """A tap that breaks `first`, and everything in `also` too: `first` alone is answered."""

    first: Way
    also: tuple[Way, ...]
    values: dict[str, str]  # of every field

    def __str__(self) -> str:
        other = [f"{name}={v}" for name, v in self.values.items() if v != FIELDS[name][0]]
        also = " ".join(way.outcome for way in self.also)
        return f"{self.first.place} {self.first.outcome} before {also}: {' '.join(other)}"


@cache
def ways() -> tuple[Way, ...]:
    found = []
    for line in RULES.strip().splitlines():
        place, outcome, *words = line.split()
        assert outcome == REPEATED or outcome in Outcome.__members__, line
        found.append(Way(place, outcome, dict(map(values_of, words))))
    return tuple(found)


def values_of(word: str) -> tuple[str, frozenset[str]]:
    """`amount=!zero` is every amount but zero."""
    name, _, text = word.partition("=")
    values = frozenset(text.removeprefix("!").split(","))
    assert values <= set(FIELDS[name]), word
    return name, frozenset(FIELDS[name]) - values if text.startswith("!") else values


Broken = dict[str, frozenset[str]]


def joined(one: Broken, other: Broken) -> Broken | None:
    """What breaks both; None where nothing does."""
    both = {name: one.get(name, values) & other.get(name, values) for name, values in other.items()}
    return {**one, **both} if all(both.values()) else None


def cases() -> Iterator[Case]:
    """Each way alone; with each later one; and with all later ones that go with it and with each
    other, taken from the next on and from the last on."""
    for number, first in enumerate(ways()):
        later = ways()[number + 1 :]
        yield from of_kinds(first, (), first.broken_by)
        for other in later:
            both = joined(first.broken_by, other.broken_by)
            if both is not None:
                yield from of_kinds(first, (other,), both)
        for order in (later, later[::-1]):
            for kind in FIELDS["kind"]:
                yield from greedy(first, order, kind)


def greedy(first: Way, order: tuple[Way, ...], kind: str) -> Iterator[Case]:
    """All of an order that goes together, for one kind."""
    broken = joined(first.broken_by, {"kind": frozenset((kind,))})
    also: list[Way] = []
    for other in order:
        more = broken and joined(broken, other.broken_by)
        if more and chosen(first, kind, more) is not None:
            broken = more
            also.append(other)
    if broken and len(also) > 1:
        yield from of_kinds(first, tuple(also), broken)


def of_kinds(first: Way, also: tuple[Way, ...], broken: Broken) -> Iterator[Case]:
    """A case a kind, and where it is open whether the tap is offline, one each. Where whatever
    breaks these breaks an earlier one too, there is none."""
    for kind in FIELDS["kind"]:
        if kind in broken.get("kind", (kind,)):
            values = chosen(first, kind, broken)
            if values is not None:
                yield Case(first, also, values)
                if "flags" not in broken and kind in MAY_BE_OFFLINE:
                    yield Case(first, also, {**values, "flags": "1"})
                if "flags" not in broken and kind == "EXIT":
                    yield Case(first, also, {**values, "flags": "2"})
                    yield Case(first, also, {**values, "flags": "3"})


def chosen(first: Way, kind: str, broken: Broken) -> dict[str, str] | None:
    """Sound values where they will do, else the first that break nothing before `first`."""
    sound = {name: values[0] for name, values in FIELDS.items()} | SOUND.get(kind, {})
    named = [name for name in broken if name != "kind"]
    ranges = [sorted(broken[name], key=lambda v: (v != sound[name], v)) for name in named]
    earlier = ways()[: ways().index(first)]
    form = [way for way in ways() if 0 < way.number < 10 or way.place == "12a"]
    form += [way for way in ways() if way.outcome in ("KIND_NOT_ALLOWED", "HOLD_NOT_EXPIRED")]
    for picked in product(*ranges):
        values = {**sound, "kind": kind, **dict(zip(named, picked, strict=True))}
        # What has no form, says too much, or comes from where its kind does not is not taken, so it
        # was not answered before either.
        avoided = (*earlier, *form) if values["identity"] == "repeat" else earlier
        if not any(is_broken(way, values) for way in avoided):
            return values
    return None


def is_broken(way: Way, values: dict[str, str]) -> bool:
    """Returns True when a tap of these values breaks it, whatever else it breaks."""
    return all(values[name] in those for name, those in way.broken_by.items())
