"""The structs of journal.pxd and tables.pxd as numpy dtypes, derived from the structs themselves.

A typed array of a struct tells its fields, as the C compiler has laid them out: their names, their
order, sizes and signs. So there is no second list that could differ from the first.
"""

import re

from libc.stdint cimport uint8_t

import numpy as np

from onecard.ext.shape.journal cimport (
    ActorRecord,
    ActRecord,
    AfterImage,
    ArrayRow,
    CalendarRecord,
    CardRecord,
    CardRecord1,
    ChipPart,
    ConfigRecord,
    DeclarationRecord,
    Entry,
    EntryRow,
    EntryRow1,
    GrantPart,
    Header,
    Header1,
    Leg,
    SpanPart,
    ParticipantRecord,
    PolicyRecord,
    RatingPart,
    ReferencePart,
    SceneRecord,
    TariffRecord,
    TerminalRecord,
    TerminalRecord1,
    WidePart,
    WindowRecord,
)
from onecard.ext.shape.tables cimport PAGE_BYTES as C_PAGE_BYTES
from onecard.ext.shape.tables cimport (
    Account,
    Actor,
    CalendarDay,
    CardPast,
    Claim,
    Credential,
    OpenHold,
    Lot,
    Journey,
    Participant,
    PolicyRow,
    Purse,
    Scene,
    Terminal,
    TerminalPast,
    Totals,
    Travel,
    Window,
)

cdef extern from *:
    """
    // Cython makes converters of every struct, and takes addresses in them; none is ever called.
    #pragma GCC diagnostic ignored "-Waddress-of-packed-member"
    """

FIELD = re.compile(r"\^(?:\((\d+)\))?([BHIQbhiq]):(\w+):")  # of a packed struct, as PEP 3118 has it
SCALARS = {
    "B": "u1", "H": "<u2", "I": "<u4", "Q": "<u8", "b": "i1", "h": "<i2", "i": "<i4", "q": "<i8",
}
TEXT = ("name", "number")  # bytes of these names are text, padded with zeros; others are opaque


def fields_of(str struct, room):
    """The fields of a struct as numpy has them, bytes as arrays of u1; `room` is a typed array of it.

    ImportError where the struct is not packed, or holds what no row may hold.
    """
    view = memoryview(room)
    text = view.format
    if not text.startswith("T{") or FIELD.sub("", text) != "T{}":
        raise ImportError(f"{struct}: expected a packed struct of integers and arrays, found {text}")
    found = []
    for count, code, name in FIELD.findall(text):
        found.append((name, SCALARS[code], (int(count),)) if count else (name, SCALARS[code]))
    dtype = np.dtype(found)
    if dtype.itemsize != view.itemsize:
        raise ImportError(
            f"{struct}: expected its fields to fill {view.itemsize} bytes, found {dtype.itemsize}"
        )
    return dtype


def derived(str struct, room):
    """The dtype of a packed struct; bytes are text (S) where TEXT says so, else opaque (V).

    `room` is a typed array of the struct, `<Entry[:1]>`; nothing is read of it. ImportError where
    the dtype would not be the struct, field by field.
    """
    fields = fields_of(struct, room)
    spelled = []
    for name in fields.names:
        field = fields[name]
        if field.shape and field.base == np.uint8:
            field = np.dtype(f"{'S' if name in TEXT else 'V'}{field.itemsize}")
        spelled.append((name, field))
    dtype = np.dtype(spelled)
    check(struct, fields, dtype)
    return dtype


def check(str struct, fields, dtype) -> None:
    """ImportError, naming struct and field, unless a dtype is the struct whose `fields` these are.

    Compared are names, their order, offsets, sizes, signs and lengths of arrays; bytes of the
    struct may be text or opaque in the dtype.
    """
    for name, other in zip(fields.names, dtype.names):
        if name != other:
            raise ImportError(f"{struct}: expected {name} as its next field, found {other}")
        expected, at = fields.fields[name][:2]
        found, found_at = dtype.fields[name][:2]
        same = found == expected
        if expected.shape and expected.base == np.uint8 and found.kind in "SV" and not found.shape:
            same = found.itemsize == expected.itemsize and found.names is None
        if at != found_at or not same:
            raise ImportError(
                f"{struct}.{name}: expected {expected} at byte {at}, found {found} at {found_at}"
            )
    if len(fields.names) != len(dtype.names) or fields.itemsize != dtype.itemsize:
        raise ImportError(
            f"{struct}: expected {len(fields.names)} fields in {fields.itemsize} bytes, "
            f"found {len(dtype.names)} in {dtype.itemsize}"
        )


cdef uint8_t[::1] nothing = bytearray(1)
cdef uint8_t* here = &nothing[0]  # a typed array needs an address; nothing is read there

HEADER = derived("Header", <Header[:1]><Header*>here)
HEADER_1 = derived("Header1", <Header1[:1]><Header1*>here)
ENTRY = derived("Entry", <Entry[:1]><Entry*>here)
ENTRY_ROW = derived("EntryRow", <EntryRow[:1]><EntryRow*>here)
ENTRY_ROW_1 = derived("EntryRow1", <EntryRow1[:1]><EntryRow1*>here)
PARTS = (  # in the order of Part
    derived("ReferencePart", <ReferencePart[:1]><ReferencePart*>here),
    derived("RatingPart", <RatingPart[:1]><RatingPart*>here),
    derived("ChipPart", <ChipPart[:1]><ChipPart*>here),
    derived("WidePart", <WidePart[:1]><WidePart*>here),
    derived("SpanPart", <SpanPart[:1]><SpanPart*>here),
    derived("GrantPart", <GrantPart[:1]><GrantPart*>here),
)
LEG = derived("Leg", <Leg[:1]><Leg*>here)
AFTER_IMAGE = derived("AfterImage", <AfterImage[:1]><AfterImage*>here)
PARTICIPANT_RECORD = derived("ParticipantRecord", <ParticipantRecord[:1]><ParticipantRecord*>here)
TERMINAL_RECORD = derived("TerminalRecord", <TerminalRecord[:1]><TerminalRecord*>here)
CARD_RECORD = derived("CardRecord", <CardRecord[:1]><CardRecord*>here)
TERMINAL_RECORD_1 = derived("TerminalRecord1", <TerminalRecord1[:1]><TerminalRecord1*>here)
CARD_RECORD_1 = derived("CardRecord1", <CardRecord1[:1]><CardRecord1*>here)
WINDOW_RECORD = derived("WindowRecord", <WindowRecord[:1]><WindowRecord*>here)
DECLARATION_RECORD = derived("DeclarationRecord", <DeclarationRecord[:1]><DeclarationRecord*>here)
TARIFF_RECORD = derived("TariffRecord", <TariffRecord[:1]><TariffRecord*>here)
POLICY_RECORD = derived("PolicyRecord", <PolicyRecord[:1]><PolicyRecord*>here)
ARRAY_ROW = derived("ArrayRow", <ArrayRow[:1]><ArrayRow*>here)
CONFIG_RECORD = derived("ConfigRecord", <ConfigRecord[:1]><ConfigRecord*>here)
ACTOR_RECORD = derived("ActorRecord", <ActorRecord[:1]><ActorRecord*>here)
ACT_RECORD = derived("ActRecord", <ActRecord[:1]><ActRecord*>here)
SCENE_RECORD = derived("SceneRecord", <SceneRecord[:1]><SceneRecord*>here)
CALENDAR_RECORD = derived("CalendarRecord", <CalendarRecord[:1]><CalendarRecord*>here)

CREDENTIAL = derived("Credential", <Credential[:1]><Credential*>here)
ACCOUNT = derived("Account", <Account[:1]><Account*>here)
TERMINAL = derived("Terminal", <Terminal[:1]><Terminal*>here)
PARTICIPANT = derived("Participant", <Participant[:1]><Participant*>here)
CLAIM = derived("Claim", <Claim[:1]><Claim*>here)
WINDOW = derived("Window", <Window[:1]><Window*>here)
POLICY_ROW = derived("PolicyRow", <PolicyRow[:1]><PolicyRow*>here)
CARD_PAST = derived("CardPast", <CardPast[:1]><CardPast*>here)
TERMINAL_PAST = derived("TerminalPast", <TerminalPast[:1]><TerminalPast*>here)
ACTOR = derived("Actor", <Actor[:1]><Actor*>here)
SCENE = derived("Scene", <Scene[:1]><Scene*>here)
CALENDAR_DAY = derived("CalendarDay", <CalendarDay[:1]><CalendarDay*>here)
OPEN_HOLD = derived("OpenHold", <OpenHold[:1]><OpenHold*>here)
PURSE = derived("Purse", <Purse[:1]><Purse*>here)
LOT = derived("Lot", <Lot[:1]><Lot*>here)
TRAVEL = derived("Travel", <Travel[:1]><Travel*>here)
JOURNEY = derived("Journey", <Journey[:1]><Journey*>here)
TOTALS = derived("Totals", <Totals[:1]><Totals*>here)

PAGE_BYTES = C_PAGE_BYTES
MAGIC = 0x31424F43  # "COB1" as it stands in a file
VERSION = 2  # what is written; version 1 is read for ever
SHA256 = 1
