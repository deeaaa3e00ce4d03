"""What is said of methods by name: whose they are, how large a message may be, how they answer."""

from onecard.ext.shape.numbers import ActKind, Record

OURS = "/onecard.v1."
# Its answer is a few bytes, so it goes out in one with the status: nothing of it can be unread.
BRIEF = frozenset({"/onecard.v1.Clearing/AuthorizeOne"})
# Messages of no bytes say nothing here, and are refused: gRPC's library also gives one for a frame
# whose flags are none.
NEVER_EMPTY = frozenset(
    {
        "/onecard.v1.Clearing/AuthorizeOne",
        "/onecard.v1.Ledger/GetBalance",
        "/onecard.v1.Ledger/GetEntry",
        "/onecard.v1.Ledger/GetOutcome",
        "/onecard.v1.Ledger/ListTrail",
        "/onecard.v1.Registry/Declare",
        "/onecard.v1.Registry/GetCard",
        "/onecard.v1.Registry/PutCard",
        "/onecard.v1.Registry/PutParticipant",
        "/onecard.v1.Registry/PutTerminal",
    }
)
# For whoever runs the ledger alone: asked before anything of a message is read or parsed.
OPERATORS_OWN = frozenset(
    {
        "/onecard.v1.Ledger/StreamJournal",
        "/onecard.v1.Registry/ConfirmClock",
        "/onecard.v1.Registry/Load",
        "/onecard.v1.Registry/PutActors",
        "/onecard.v1.Registry/PutCalendar",
        "/onecard.v1.Registry/PutCard",
        "/onecard.v1.Registry/PutHoldTerms",
        "/onecard.v1.Registry/PutParticipant",
        "/onecard.v1.Registry/PutRules",
        "/onecard.v1.Registry/PutScenes",
        "/onecard.v1.Registry/PutTariff",
        "/onecard.v1.Registry/PutTerminal",
        "/onecard.v1.Settlement/CloseWindow",
    }
)
# What is done by a method, as it is on record: a Record, or an ActKind. docs/ledger.md, Who did it,
# has the role that each needs.
ACTS: dict[str, int] = {
    "/onecard.v1.Ledger/StreamJournal": ActKind.JOURNAL,
    "/onecard.v1.Registry/ConfirmClock": ActKind.CLOCK,
    "/onecard.v1.Registry/Declare": Record.DECLARATIONS,
    "/onecard.v1.Registry/Load": ActKind.LOAD,
    "/onecard.v1.Registry/PutActors": Record.ACTORS,
    "/onecard.v1.Registry/PutCalendar": Record.CALENDARS,
    "/onecard.v1.Registry/PutCard": Record.CARDS,
    "/onecard.v1.Registry/PutHoldTerms": Record.TARIFF_SETS,
    "/onecard.v1.Registry/PutParticipant": Record.PARTICIPANTS,
    "/onecard.v1.Registry/PutRules": Record.CONFIGS,
    "/onecard.v1.Registry/PutScenes": Record.SCENES,
    "/onecard.v1.Registry/PutTariff": Record.TARIFF_SETS,
    "/onecard.v1.Registry/PutTerminal": Record.TERMINALS,
    "/onecard.v1.Settlement/CloseWindow": Record.WINDOWS,
}
ASK = int(ActKind.ASK)  # any other, where it was refused
# Of a message that is parsed: one row, or one question. An empty field of two bytes becomes some
# twenty in memory, so a message may not be larger than what it is for.
MESSAGE_BYTES_MAX = 65_536
# What is larger by its nature; None is what the server takes of any.
BYTES_MAX: dict[str, int | None] = {
    "/onecard.v1.Registry/Load": None,
    "/onecard.v1.Registry/PutActors": None,  # all there may be
    "/onecard.v1.Registry/PutScenes": 393_216,  # 2,000 of the longest, some 120 bytes each
    "/onecard.v1.Registry/PutTariff": None,  # a fare from every station to every station
    "/onecard.v1.Registry/TokensOf": 393_216,  # 5,000 numbers of the longest, 66 bytes each
}


def bytes_max(method: str, server_bytes_max: int) -> int:
    """How large a message of a method may be, where the server takes so much of any."""
    return BYTES_MAX.get(method, MESSAGE_BYTES_MAX) or server_bytes_max
