"""The slow twin's state packed as docs/ledger.md says, and the entries as the journal has them."""

import hashlib
from dataclasses import astuple

import numpy as np
from numpy.typing import NDArray

from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import OwnerKind, Policy, Status
from tests.twin.state import Book, Entry, Tap, Tariff
from tests.twin.travel import Journey

WORD = (1 << 64) - 1
DIGEST_KEY = bytes(range(16, 32))  # of the ledgers of these tests
Rows = NDArray[np.void]
CARD_COLUMNS = (  # whose name is that of the column, besides those that every card has had
    "issuer",
    "funding",
    "bank_status",
    "generation",
    "expires_day",
    "key_version",
    "past",
)

SCENE_COLUMNS = ("record", "from_us", "most_fen", "closed_us", "payee", "mcc", "rated_by", "status")


def digest(book: Book) -> bytes:
    """SHA-256 of all tables in their order, each with its number of rows, then the totals."""
    tables = [table(book) for table in TABLES.values()]
    sha = hashlib.sha256()
    for rows in tables:
        sha.update(len(rows).to_bytes(8, "little"))
        sha.update(rows.tobytes())
    sha.update(totals(book).tobytes())
    return sha.digest()


def participants(book: Book) -> Rows:
    rows = np.zeros(len(book.participants) + 1, dtypes.PARTICIPANT)
    for number, known in book.participants.items():
        row, name = rows[number], known.name.encode()
        for kind in OwnerKind:
            row["balance_fen"][kind] = book.sum("balance", number, int(kind))
        row["window_in_fen"] = book.sum("window_in", number)
        row["window_out_fen"] = book.sum("window_out", number)
        row["window_legs"] = known.window_legs
        row["participant"], row["kind"], row["status"] = number, known.role, known.status
        row["name_bytes"], row["name"] = len(name), name
    return rows


def terminals(book: Book) -> Rows:
    rows = np.zeros(len(book.terminals) + 1, dtypes.TERMINAL)
    for number, known in book.terminals.items():
        row, text = rows[number], known.number.encode()
        row["seen"], row["taken"], row["terminal"] = known.seen, known.taken, number
        row["place"], row["operator_id"], row["mode"] = known.place, known.operator, known.mode
        row["status"], row["counterless"] = known.status, known.counterless
        row["number_bytes"], row["number"] = len(text), text
        row["network"], row["past"] = known.network, known.past
    return rows


def accounts(book: Book) -> Rows:
    rows = np.zeros(len(book.accounts) + 1, dtypes.ACCOUNT)
    for number, known in book.accounts.items():
        row = rows[number]
        row["posted_fen"], row["held_fen"] = book.sum("posted", number), book.sum("held", number)
        row["floor_fen"], row["last"], row["entries"] = known.floor_fen, known.last, known.entries
        row["issuer"], row["travel"], row["purse"] = known.issuer, known.travel, known.purse
    return rows


def credentials(book: Book) -> Rows:
    rows = np.zeros(len(book.credentials), dtypes.CREDENTIAL)
    for row, (token, known) in zip(rows, book.credentials.items(), strict=True):
        row["token"], row["account"], row["status"] = token, known.account, known.status
        row["since_us"], row["denied"] = known.since_us, known.denied
        row["deny_version"] = known.deny_version
        for name in CARD_COLUMNS:
            row[name] = getattr(known, name)
    return rows


def card_pasts(book: Book) -> Rows:
    rows = np.zeros(len(book.card_pasts) + 1, dtypes.CARD_PAST)
    for number, known in book.card_pasts.items():
        for name, value in known._asdict().items():
            rows[number][name] = value
    return rows


def terminal_pasts(book: Book) -> Rows:
    rows = np.zeros(len(book.terminal_pasts) + 1, dtypes.TERMINAL_PAST)
    for number, known in book.terminal_pasts.items():
        row = rows[number]
        row["until_us"], row["next"], row["place"] = known.until_us, known.next, known.place
        row["operator_id"], row["network"] = known.operator, known.network
        row["status"], row["mode"] = known.status, known.mode
    return rows


def windows(book: Book) -> Rows:
    rows = np.zeros(len(book.windows), dtypes.WINDOW)
    for row, known in zip(rows, book.windows, strict=True):
        row["first"], row["cut"], row["record"] = known.first, known.cut, known.record
        row["closed_at_us"], row["window"] = known.closed_at_us, known.window
        row["business_day"] = known.business_day
    return rows


def policies(book: Book) -> Rows:
    rows = np.zeros(len(book.policies), dtypes.POLICY_ROW)
    for row, (version, known) in zip(rows, book.policies.items(), strict=True):
        row["record"], row["effective_from_us"] = known.record, known.effective_from_us
        row["version"], row["network"] = version, known.network
        if isinstance(known, Tariff):
            row["policy"], row["stations"] = Policy.OD_FARES, known.stations
            row["entry_min_fen"] = known.entry_min_fen
        else:
            row["policy"], row["life_s"] = Policy.HOLDS, known.life_s
            row["partial"] = known.partial
            row["fundings"] = sum(2**funding for funding in known.fundings)
    return rows


def open_holds(book: Book) -> Rows:
    rows = np.zeros(book.open_holds_highest + 1, dtypes.OPEN_HOLD)
    for number, known in book.open_holds.items():
        for name, value in known._asdict().items():
            rows[number][name] = value
    return rows


def actors(book: Book) -> Rows:
    rows = np.zeros(len(book.actors) + 1, dtypes.ACTOR)
    if book.four_eyes_record[0]:
        rows[0]["record"], rows[0]["from_us"] = book.four_eyes_record
        rows[0]["four_eyes"], rows[0]["status"] = book.four_eyes, Status.ACTIVE
    for number, known in book.actors.items():
        row, name = rows[number], known.name.encode()
        row["record"], row["from_us"], row["actor"] = known.record, known.from_us, number
        row["secret"], row["roles"] = np.void(known.secret), known.roles
        row["participant"], row["status"] = known.participant, known.status
        row["name_bytes"], row["name"] = len(name), name
    return rows


def scenes(book: Book) -> Rows:
    rows = np.zeros(max(book.scenes, default=0) + 1, dtypes.SCENE)
    for code, known in book.scenes.items():
        row, name = rows[code], known.name.encode()
        for column in SCENE_COLUMNS:
            row[column] = getattr(known, column)
        row["code"] = code
        row["purse_count"], row["purses"] = len(known.purses), bytes(known.purses).ljust(8, b"\0")
        row["name_bytes"], row["name"] = len(name), name
    return rows


def calendar_days(book: Book) -> Rows:
    first = 10_957  # 2000-01-01
    rows = np.zeros(max(book.calendar_days, default=first - 1) - first + 2, dtypes.CALENDAR_DAY)
    for day, known in book.calendar_days.items():
        row = rows[1 + day - first]
        row["record"], row["day"], row["day_class"] = known.record, day, known.day_class
    return rows


def purses(book: Book) -> Rows:
    rows = np.zeros(len(book.purses) + 1, dtypes.PURSE)
    for number, account in book.purses.items():
        rows[number]["account"] = account
        rows[number]["first"] = next(iter(book.lots_of(account)), 0)
    return rows


def lots(book: Book) -> Rows:
    rows = np.zeros(book.lot_rows + 1, dtypes.LOT)
    for number, known in book.lots.items():
        row = rows[number]
        row["lot"], row["left_fen"] = known.number, book.sum("left", known.number)
        row["account"], row["sponsor"] = known.account, known.sponsor
        row["programme"], row["ends_us"] = known.programme, known.ends_us
    for account in book.purses.values():
        of_one = book.lots_of(account)
        for number, after in zip(of_one, [*of_one[1:], 0], strict=False):
            rows[number]["next"] = after
    return rows


def travels(book: Book) -> Rows:
    rows = np.zeros(len(book.travels) + 1, dtypes.TRAVEL)
    for number, known in book.travels.items():
        if known.journey:
            put_journey(rows[number], known.journey)
        for name, value in vars(known).items():
            if name != "journey":
                rows[number][name] = value
    return rows


def journeys(book: Book) -> Rows:
    rows = np.zeros(book.journeys_used + 1, dtypes.JOURNEY)
    for number, known in book.journeys.items():
        put_journey(rows[number], known)
    return rows


def put_journey(row: np.void, known: Journey) -> None:
    row["key"] = known.account << 8 | known.mode
    for name in ("sequence", "at_us", "place", "network"):
        row[name] = getattr(known, name)


def totals(book: Book) -> Rows:
    rows = np.zeros(1, dtypes.TOTALS)
    row, rules = rows[0], book.rules
    row["last"], row["booked_at_us"] = book.last, book.booked_at_us
    for name in TABLES:
        row[name] = len(getattr(book, name))  # what there is; row 0 of a table is nobody
    row["scenes"] = max(book.scenes, default=0)  # a row number is a code
    row["calendar_days"] = len(calendar_days(book)) - 1  # likewise
    row["open_holds"] = book.open_holds_highest  # whether it is free by now or not
    row["lots"], row["granted"] = book.lot_rows, book.granted
    row["journeys"] = book.journeys_used
    row["window"], row["window_first"] = book.window, book.window_first
    for name in ("go_live_us", "age_max_us", "ahead_max_us", "amount_max_fen", "zone_offset_us"):
        row[name] = getattr(rules, name)
    return rows


TABLES = {
    "participants": participants,
    "terminals": terminals,
    "accounts": accounts,
    "credentials": credentials,
    "windows": windows,
    "policies": policies,
    "card_pasts": card_pasts,
    "terminal_pasts": terminal_pasts,
    "actors": actors,
    "scenes": scenes,
    "calendar_days": calendar_days,
    "open_holds": open_holds,
    "purses": purses,
    "lots": lots,
    "travels": travels,
    "journeys": journeys,
}


# ---- entries ------------------------------------------------------------------------------


def entry_record(entry: Entry) -> dict[str, int]:
    """Every field of an Entry but those that say how its block keeps it."""
    tap = entry.tap
    return {
        "sequence": entry.sequence,
        "token": tap.card,
        "previous": entry.previous,
        "about": entry.about,
        "journey": entry.journey,
        "body": body(tap),
        "tapped_at_us": tap.tapped_at_us,
        "booked_at_us": entry.booked_at_us,
        "amount_fen": entry.amount_fen,
        "balance_fen": entry.balance_fen,
        "account": entry.account,
        "terminal": tap.terminal,
        "epoch": tap.epoch,
        "terminal_seq": tap.terminal_seq,
        "place": entry.place,
        "window": entry.window,
        "tariff": entry.tariff,
        "travel_day": entry.travel_day,
        "operator_id": entry.operator_id,
        "issuer": entry.issuer,
        "legs": len(entry.legs),
        "kind": int(entry.kind),
        "outcome": int(entry.outcome),
        "reason": int(entry.reason),
        "funding": entry.funding,
        "flags": tap.flags,
        "effects": int(entry.effects),
        "caused_by": tap.caused_by,
        "face_fen": tap.face_fen,
        "line": tap.line,
        "rule": 0,
        "chip_before_fen": tap.chip_before_fen,
        "chip_counter": tap.chip_counter,
        "chip_loads": tap.chip_loads,
        "sponsor": tap.sponsor,
        "programme": tap.programme,
        "ends_us": tap.ends_us,
        "marks": int(entry.marks),
        "scene": tap.scene,
        "actor": 0,
        "rider_class": tap.rider_class,
        "media": tap.media,
        "unused": 0,
    }


def leg_records(entry: Entry) -> list[dict[str, int]]:
    return [{name: int(value) for name, value in leg._asdict().items()} for leg in entry.legs]


def image_records(entry: Entry) -> list[dict[str, int]]:
    return [{name: int(v) for name, v in one._asdict().items()} for one in entry.images]


def body(tap: Tap) -> int:
    """The 64-bit digest of a whole body."""
    return siphash(DIGEST_KEY, words_of(tap))


def words_of(tap: Tap) -> list[int]:
    """A whole body as words of 64 bits."""
    token, terminal, terminal_seq, epoch, tapped_at_us, *_ = astuple(tap)
    words = [
        token,
        terminal | epoch << 32,
        terminal_seq | tap.place << 32,
        tapped_at_us & WORD,
        tap.amount_fen & WORD,
        tap.about,
        tap.about_epoch | tap.about_seq << 32,
        (tap.kind or 1) | tap.flags << 8,
    ]
    for field, value in enumerate(astuple(tap)[12:], 14):
        words += (field, value & WORD) if value else ()
    return words


def siphash(key: bytes, words: list[int]) -> int:
    """SipHash-2-4 (Aumasson, Bernstein 2012) of a message of whole words, step by step."""
    low, high = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    made_up = b"somepseudorandomlygeneratedbytes"
    v = [int.from_bytes(made_up[at : at + 8], "big") for at in range(0, 32, 8)]
    v = [one ^ half for one, half in zip(v, (low, high, low, high), strict=True)]
    for word in (*words, (8 * len(words)) % 256 << 56):
        v[3] ^= word
        v = sip_round(sip_round(v))
        v[0] ^= word
    v[2] ^= 0xFF
    for _ in range(4):
        v = sip_round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def sip_round(v: list[int]) -> list[int]:
    a, b, c, d = v
    a, c = a + b & WORD, c + d & WORD
    b, d, a = left(b, 13) ^ a, left(d, 16) ^ c, left(a, 32)
    c, a = c + b & WORD, a + d & WORD
    return [a, left(b, 17) ^ c, left(c, 32), left(d, 21) ^ a]


def left(word: int, bits: int) -> int:
    return (word << bits | word >> 64 - bits) & WORD
