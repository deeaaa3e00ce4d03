"""The structs of journal.pxd as numpy dtypes; a difference between the two stops the import."""

import numpy as np

from onecard.ext.shape.journal cimport (
    AfterImage,
    CardRecord,
    ConfigRecord,
    DeclarationRecord,
    Entry,
    Header,
    Leg,
    ParticipantRecord,
    TariffRecord,
    TerminalRecord,
    WindowRecord,
)
from onecard.ext.shape.tables cimport PAGE_BYTES as C_PAGE_BYTES
from onecard.ext.shape.tables cimport Account, Claim, Credential, Participant, Tariff, Terminal, Totals, Window

HEADER = np.dtype([
    ("magic", "<u4"),
    ("version", "<u2"),
    ("record", "<u2"),
    ("ledger", "V16"),
    ("epoch", "<u4"),
    ("row_bytes", "<u2"),
    ("hash_algorithm", "<u2"),
    ("count", "<u4"),
    ("legs", "<u4"),
    ("images", "<u4"),
    ("blob_bytes", "<u4"),
    ("first", "<u8"),
    ("booked_at_us", "<i8"),
    ("body", "V32"),
    ("previous", "V32"),
    ("hash", "V32"),
])
ENTRY = np.dtype([
    ("sequence", "<u8"),
    ("token", "<u8"),
    ("previous", "<u8"),
    ("about", "<u8"),
    ("journey", "<u8"),
    ("body", "<u8"),
    ("tapped_at_us", "<i8"),
    ("booked_at_us", "<i8"),
    ("amount_fen", "<i8"),
    ("balance_fen", "<i8"),
    ("account", "<u4"),
    ("terminal", "<u4"),
    ("epoch", "<u4"),
    ("terminal_seq", "<u4"),
    ("place", "<u4"),
    ("window", "<u4"),
    ("tariff", "<u4"),
    ("legs_at", "<u4"),
    ("travel_day", "<i4"),
    ("operator_id", "<u2"),
    ("issuer", "<u2"),
    ("legs", "u1"),
    ("kind", "u1"),
    ("outcome", "u1"),
    ("reason", "u1"),
    ("funding", "u1"),
    ("flags", "u1"),
    ("effects", "u1"),
    ("unused", "u1"),
])
LEG = np.dtype([
    ("owner", "<u4"),
    ("party", "<u2"),
    ("owner_kind", "u1"),
    ("purse", "u1"),
    ("amount_fen", "<i8"),
])
AFTER_IMAGE = np.dtype([
    ("row", "<u4"),
    ("what", "<u4"),
    ("key", "<u8"),
    ("value", "<i8"),
])
PARTICIPANT_RECORD = np.dtype([
    ("sequence", "<u8"),
    ("participant", "<u2"),
    ("kind", "u1"),
    ("status", "u1"),
    ("name_bytes", "<u4"),
    ("name", "S88"),
])
TERMINAL_RECORD = np.dtype([
    ("sequence", "<u8"),
    ("terminal", "<u4"),
    ("place", "<u4"),
    ("operator_id", "<u2"),
    ("mode", "u1"),
    ("status", "u1"),
    ("counterless", "u1"),
    ("number_bytes", "u1"),
    ("number", "S26"),
])
CARD_RECORD = np.dtype([
    ("sequence", "<u8"),
    ("token", "<u8"),
    ("since_us", "<i8"),
    ("floor_fen", "<i8"),
    ("account", "<u4"),
    ("issuer", "<u2"),
    ("funding", "u1"),
    ("status", "u1"),
])
WINDOW_RECORD = np.dtype([
    ("sequence", "<u8"),
    ("first", "<u8"),
    ("cut", "<u8"),
    ("closed_at_us", "<i8"),
    ("in_fen", "<i8"),
    ("out_fen", "<i8"),
    ("legs", "<u8"),
    ("window", "<u4"),
    ("business_day", "<i4"),
    ("participant", "<u2"),
    ("unused", "V6"),
])
DECLARATION_RECORD = np.dtype([
    ("sequence", "<u8"),
    ("sum_fen", "<i8"),
    ("taps", "<u8"),
    ("terminal", "<u4"),
    ("day", "<i4"),
])
TARIFF_RECORD = np.dtype([
    ("sequence", "<u8"),
    ("effective_from_us", "<i8"),
    ("version", "<u4"),
    ("stations", "<u4"),
    ("entry_min_fen", "<i4"),
    ("name", "S36"),
])
CONFIG_RECORD = np.dtype([
    ("sequence", "<u8"),
    ("go_live_us", "<i8"),
    ("age_max_us", "<i8"),
    ("ahead_max_us", "<i8"),
    ("amount_max_fen", "<i8"),
    ("zone_offset_us", "<i8"),
])
CREDENTIAL = np.dtype([
    ("token", "<u8"),
    ("deny_version", "<u8"),
    ("since_us", "<i8"),
    ("account", "<u4"),
    ("status", "u1"),
    ("denied", "u1"),
    ("unused", "V2"),
])
ACCOUNT = np.dtype([
    ("posted_fen", "<i8"),
    ("held_fen", "<i8"),
    ("floor_fen", "<i8"),
    ("last", "<u8"),
    ("journey", "<u8"),
    ("journey_at_us", "<i8"),
    ("journey_place", "<u4"),
    ("entries", "<u4"),
    ("issuer", "<u2"),
    ("funding", "u1"),
    ("unused", "V5"),
])
TERMINAL = np.dtype([
    ("seen", "<u8"),
    ("taken", "<u8"),
    ("terminal", "<u4"),
    ("place", "<u4"),
    ("operator_id", "<u2"),
    ("mode", "u1"),
    ("status", "u1"),
    ("counterless", "u1"),
    ("number_bytes", "u1"),
    ("number", "S26"),
    ("unused", "V8"),
])
PARTICIPANT = np.dtype([
    ("balance_fen", "<i8", (8,)),
    ("window_in_fen", "<i8"),
    ("window_out_fen", "<i8"),
    ("window_legs", "<u8"),
    ("participant", "<u2"),
    ("kind", "u1"),
    ("status", "u1"),
    ("name_bytes", "<u4"),
    ("name", "S88"),
    ("unused", "V8"),
])
CLAIM = np.dtype([
    ("sequence", "<u8"),
    ("used_fen", "<i8"),
    ("closed", "u1"),
    ("unused", "V7"),
])
WINDOW = np.dtype([
    ("first", "<u8"),
    ("cut", "<u8"),
    ("record", "<u8"),
    ("closed_at_us", "<i8"),
    ("window", "<u4"),
    ("business_day", "<i4"),
])
TARIFF = np.dtype([
    ("record", "<u8"),
    ("effective_from_us", "<i8"),
    ("version", "<u4"),
    ("stations", "<u4"),
    ("entry_min_fen", "<i4"),
    ("unused", "V4"),
])
TOTALS = np.dtype([
    ("last", "<u8"),
    ("credentials", "<u8"),
    ("accounts", "<u8"),
    ("terminals", "<u8"),
    ("participants", "<u8"),
    ("claims", "<u8"),
    ("windows", "<u8"),
    ("tariffs", "<u8"),
    ("window_first", "<u8"),
    ("booked_at_us", "<i8"),
    ("go_live_us", "<i8"),
    ("age_max_us", "<i8"),
    ("ahead_max_us", "<i8"),
    ("amount_max_fen", "<i8"),
    ("zone_offset_us", "<i8"),
    ("window", "<u4"),
    ("unused", "<u4"),
])

PAGE_BYTES = C_PAGE_BYTES
MAGIC = 0x31424F43  # "COB1" as it stands in a file
VERSION = 1
SHA256 = 1


def _check() -> None:
    for dtype, size in (
        (HEADER, sizeof(Header)),
        (ENTRY, sizeof(Entry)),
        (LEG, sizeof(Leg)),
        (AFTER_IMAGE, sizeof(AfterImage)),
        (PARTICIPANT_RECORD, sizeof(ParticipantRecord)),
        (TERMINAL_RECORD, sizeof(TerminalRecord)),
        (CARD_RECORD, sizeof(CardRecord)),
        (WINDOW_RECORD, sizeof(WindowRecord)),
        (DECLARATION_RECORD, sizeof(DeclarationRecord)),
        (TARIFF_RECORD, sizeof(TariffRecord)),
        (CONFIG_RECORD, sizeof(ConfigRecord)),
        (CREDENTIAL, sizeof(Credential)),
        (ACCOUNT, sizeof(Account)),
        (TERMINAL, sizeof(Terminal)),
        (PARTICIPANT, sizeof(Participant)),
        (CLAIM, sizeof(Claim)),
        (WINDOW, sizeof(Window)),
        (TARIFF, sizeof(Tariff)),
        (TOTALS, sizeof(Totals)),
    ):
        if dtype.itemsize != size:
            raise ImportError(f"dtypes: a struct of {size} bytes is {dtype.itemsize} in its dtype")


_check()
