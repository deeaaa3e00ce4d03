"""The digest of a tap's body: published vectors, and what it tells apart that could be steered."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from random import Random

import pytest

from onecard.core.authorize.engine import Engine
from onecard.ext.judge.body import KEY_BYTES, BodyKey
from onecard.ext.judge.digests import AVX2, AVX512, LANES, PLAIN, in_lanes
from onecard.ext.shape.numbers import Kind, Outcome
from onecard.v1.tap_pb2 import Decisions
from tests.recorded import recording
from tests.rules.taptable import NOW_US, Play
from tests.support.engine import SMALL, Both, EngineSide, HandClock, quick_folder
from tests.support.steps import Taps
from tests.twin import digest as twin
from tests.twin.state import Tap
from tests.twin.twin import HAS_AMOUNT, form
from tests.twin.twin import taps as read_taps

# SipHash-2-4 as its authors publish it: the key is 00 01 .. 0f, the message as many bytes 00 01 ..
VECTORS = [
    (0, "310e0edd47db6f72"),
    (8, "6224939a79f5f593"),
    (16, "db9bc2577fcc2a3f"),
    (24, "94af49f6c650adb8"),
    (32, "ce7cf2722f512771"),
    (40, "d0a704536ba93e0e"),
    (48, "51a9cb9ecba312e6"),
    (56, "bd838d3aafbf8db7"),
]
LATER = 12  # columns that clients of before do not send
WORDS_MAX = 8 + 2 * LATER
WORD = (1 << 64) - 1


def words_of(message: bytes) -> list[int]:
    return [int.from_bytes(message[at : at + 8], "little") for at in range(0, len(message), 8)]


@pytest.mark.parametrize(("size", "published"), VECTORS)
def test_published_vectors(size: int, published: str) -> None:
    words = words_of(bytes(range(size)))
    key = bytes(range(KEY_BYTES))
    expected = int.from_bytes(bytes.fromhex(published), "little")
    assert BodyKey(key).digest(words) == expected
    assert twin.siphash(key, words) == expected


@pytest.mark.parametrize("count", range(WORDS_MAX + 1))
def test_the_twin_agrees_on_every_length(count: int) -> None:
    words = [(0x9E3779B97F4A7C15 * (at + 1)) & WORD for at in range(count)]
    assert BodyKey(twin.DIGEST_KEY).digest(words) == twin.siphash(twin.DIGEST_KEY, words)


@pytest.mark.parametrize("way", [PLAIN, AVX2, AVX512])
def test_bodies_side_by_side_have_the_digest_of_each(way: int) -> None:
    """Of every length, mixed and alike, as many as there are lanes and fewer."""
    random = Random(7)
    key = BodyKey(random.randbytes(KEY_BYTES))
    groups = [
        [[random.getrandbits(64) for _ in range(length)] for length in lengths]
        for lengths in (
            *([length] * LANES for length in range(WORDS_MAX + 1)),
            *([8] * count for count in range(1, LANES)),
            *(random.choices(range(WORDS_MAX + 1), k=random.randint(1, LANES)) for _ in range(200)),
        )
    ]
    try:
        found = [in_lanes(key, bodies, way) for bodies in groups]
    except ValueError as error:
        pytest.skip(str(error))
    assert found == [[key.digest(body) for body in bodies] for bodies in groups]


def test_more_bodies_than_lanes_are_refused() -> None:
    key = BodyKey(bytes(KEY_BYTES))
    for bodies in ([], [[1]] * (LANES + 1), [[1] * (WORDS_MAX + 1)]):
        with pytest.raises(ValueError, match=f"expected 1 to {LANES} bodies of at most 32 words"):
            in_lanes(key, bodies, PLAIN)


def test_rows_of_every_form_have_the_digest_of_their_body() -> None:
    """Of a message as long as some chunks of the judge and a rest, and of short ones: what stands
    on record is the twin's, and all of it is known again."""
    random = Random(8)
    later = ("rider_class", "media", "chip_before_fen", "chip_counter", "chip_loads", "line")
    sizes = (300, 13, 4, 1)
    settings = replace(SMALL, batch_taps_max=sizes[0], group_taps_max=512, recent_max=4096)
    with quick_folder() as folder:
        both = Both(folder / "ledger", NOW_US, settings)
        play = Play(both)
        terminal_seq = count(600)
        parts = []
        for size in sizes:
            taps = []
            for _ in range(size):
                seq, named = next(terminal_seq), random.sample(later, random.randrange(6))
                tap = Tap(play.tokens["P"], 1, seq, 0, 0, Kind.RIDE, 1, 0, 0, 0, 0, 0)
                columns = {name: random.randrange(3) for name in named}
                taps.append(replace(tap, place=random.randrange(1, 9), **columns))
            parts.append(Taps(tuple(taps)))
            both.step(parts[-1:], NOW_US)
        for part in parts:
            [again] = both.step([part], NOW_US)
            assert {(answer.outcome, answer.repeated) for answer in again} == {
                (Outcome.ACCEPTED, True)
            }
        both.engine_side.close()


def test_what_is_no_key_and_no_body_is_refused() -> None:
    for size in (0, KEY_BYTES - 1, KEY_BYTES + 1):
        with pytest.raises(ValueError, match=f"digest key: expected 16 bytes, found {size}"):
            BodyKey(bytes(size))
    with pytest.raises(ValueError, match=f"expected at most {WORDS_MAX} words"):
        BodyKey(bytes(KEY_BYTES)).digest([1] * (WORDS_MAX + 1))
    with pytest.raises(OverflowError):
        BodyKey(bytes(KEY_BYTES)).digest([-1])


def test_every_column_is_in_it_and_none_that_is_0() -> None:
    ride = Tap(1, 2, 3, 0, 0, Kind.RIDE, 7, 0, 0, 0, 0, 0)
    others = [
        replace(ride, **{name: getattr(ride, name) + value})
        for name in Tap.__dataclass_fields__
        for value in (1, 2)
    ]
    found = [twin.body(tap) for tap in (ride, *others)]
    assert len(set(found)) == len(found) == 1 + 2 * 24
    assert twin.body(replace(ride, kind=0)) == twin.body(ride)
    # One value in another column is another body; so are two that changed places.
    line, scene = replace(ride, line=4), replace(ride, scene=4)
    assert twin.body(line) != twin.body(scene)
    assert twin.body(replace(line, scene=5)) != twin.body(replace(scene, line=5))


# ---- what was seen ------------------------------------------------------------------------------


def unkeyed(words: list[int], h: int = 0x9E3779B97F4A7C15) -> int:
    """The digest of version 1."""
    for word in words:
        h = (h ^ word) * 0xFF51AFD7ED558CCD & WORD
        h ^= h >> 32
    return h


def steered(words: list[int], goal: int, at: int) -> int:
    """The word that makes the digest of version 1 what somebody wants: each step can be undone."""
    backwards = pow(0xFF51AFD7ED558CCD, -1, 1 << 64)
    for word in words[:at:-1]:
        goal ^= goal >> 32
        goal = goal * backwards & WORD ^ word
    goal ^= goal >> 32
    return goal * backwards & WORD ^ unkeyed(words[:at])


def first_words(tap: Tap) -> list[int]:
    return [
        *(tap.card, tap.terminal | tap.epoch << 32, tap.terminal_seq | tap.place << 32),
        *(tap.tapped_at_us & WORD, tap.amount_fen & WORD, tap.about),
        *(tap.about_epoch | tap.about_seq << 32, (tap.kind or 1) | tap.flags << 8),
    ]


def alike(tap: Tap, **changed: int) -> Tap:
    """Another body of the same digest of version 1, by an `about` that is made for it."""
    other = replace(tap, **changed)
    about = steered(first_words(other), unkeyed(first_words(tap)), 5)
    other = replace(other, about=about)
    assert unkeyed(first_words(other)) == unkeyed(first_words(tap))
    return other


def test_each_ledger_has_a_digest_of_its_own(tmp_path: Path) -> None:
    found = []
    for name in ("one", "other"):
        side = EngineSide(tmp_path / name, NOW_US)
        key = side.ledger.digest_key
        side.engine.body_key = Engine(side.ledger, side.clock).body_key  # not that of the tests
        play = Play(side)
        play.run("a: M RIDE P 100 media=2 = ACCEPTED 100 900")
        body = play.record("a")["body"]
        assert key is not None and body == twin.siphash(key, twin.words_of(play.taps["a"]))
        found.append(body)
        side.close()
    assert len(set(found)) == 2


@pytest.fixture
def both() -> Iterator[Both]:
    with quick_folder() as folder:
        side = Both(folder / "ledger", NOW_US)
        try:
            yield side
            side.close()
        finally:
            side.engine_side.close()


def test_a_digest_that_was_steered_is_a_conflict(both: Both) -> None:
    """Seen: two rides of other amounts were told to be one, since `about` of a ride was free."""
    play = Play(both)
    ride = Tap(play.tokens["P"], 1, 500, 0, 0, Kind.RIDE, 200, 0, 0, 0, 0, 0)
    refund = Tap(play.tokens["P"], 1, 501, 0, 0, Kind.REFUND, 10, 0, 0, 7, 0, 0)
    [[rode, refused]] = both.step([Taps((ride, refund))], NOW_US)
    assert (rode.outcome, refused.outcome) == (Outcome.ACCEPTED, Outcome.ORIGINAL_UNKNOWN)
    free = alike(ride, amount_fen=1)
    made = [free, alike(refund, amount_fen=9), replace(free, terminal_seq=502)]
    [answers] = both.step([Taps(tuple(made))], NOW_US)
    assert [one.outcome for one in answers] == [
        Outcome.CONFLICT,
        Outcome.CONFLICT,  # a refund has an `about`: there the key alone is what helps
        Outcome.COLUMN_UNEXPECTED,
    ]


def test_entries_of_version_1_are_told_apart_by_their_own_digest(tmp_path: Path) -> None:
    """A ledger from before: the same taps are answered as before, others are conflicts."""
    folder, again = recording.unpack(recording.GOLDEN_1, tmp_path)
    recording.migrated(folder)
    opened = recording.Opened(folder, HandClock(NOW_US + (1 << 40)))
    told = 0
    for message in again[:40]:
        _, taps = read_taps(message)
        before = Decisions.FromString(opened.taps(0, message))
        known = [
            tap
            for tap, outcome in zip(taps, before.outcome, strict=True)
            if outcome not in (Outcome.CONFLICT, Outcome.VOIDED)
        ]
        others = [
            *(replace(tap, media=1) for tap in known),
            *(replace(tap, about=tap.about + 1) for tap in known if tap.about),
            *(alike(tap, tapped_at_us=tap.tapped_at_us ^ 1 or 1 << 50) for tap in known),
            *(alike(tap, flags=tap.flags ^ 1) for tap in known),
            *(alike(tap, place=tap.place + 1000) for tap in known),
            *(alike(tap, kind=Kind.PURCHASE) for tap in known if tap.kind == Kind.RIDE),
            *(alike(tap, card=tap.card ^ 1) for tap in known if tap.card != 1),
            *(alike(tap, amount_fen=tap.amount_fen + 1) for tap in known if tap.kind in HAS_AMOUNT),
        ]
        others = [tap for tap in others if form(tap) is None]
        told += len(others)
        for at in range(0, len(others), 48):
            found = opened.taps(0, Taps(tuple(others[at : at + 48])).message())
            assert set(Decisions.FromString(found).outcome) == {Outcome.CONFLICT}
    assert told > 1000
    opened.close(checkpoint=False)
