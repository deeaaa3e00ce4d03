"""The table of kinds. A new one is a row here, its number, and what its columns of it say elsewhere."""

from onecard.ext.shape.numbers cimport KINDS

from onecard.ext.shape.numbers import Kind

cdef KindRule[KINDS] _rules
KIND_RULES = &_rules[0]

cdef enum:
    CHARGED = REFUNDABLE | FARED | AT_CHIP
    RIDDEN = OFFLINE | TRAVELS | FARED | AT_CHIP

ROWS = (
    # kind, its amount, what it is about, what it costs, what it books, how it is undone; its traits
    (Kind.RIDE, ANY_AMOUNT, ABOUT_NOTHING, AS_SENT, CHARGES, UNDO_LEGS,
     RIDDEN | CHARGED | DENIABLE | CAPPED),
    (Kind.ENTRY, NO_AMOUNT, ABOUT_NOTHING, AS_SENT, ENTERS, UNDO_ENTERING,
     RIDDEN | AT_PLACE | DENIABLE),
    (Kind.EXIT, NO_AMOUNT, ABOUT_NOTHING, BY_JOURNEY, CHARGES, UNDO_LEGS,
     RIDDEN | CHARGED | AT_PLACE),
    (Kind.PURCHASE, ANY_AMOUNT, ABOUT_NOTHING, AS_SENT, CHARGES, UNDO_LEGS,
     OFFLINE | CHARGED | DENIABLE | CAPPED),
    (Kind.REFUND, SOME_AMOUNT, ABOUT_CHARGE, AS_SENT, REFUNDS, UNDO_NEVER, AT_CHIP),
    (Kind.REVERSAL, NO_AMOUNT, ABOUT_IDENTITY, AS_SENT, REVERSES, UNDO_NEVER, ANYWHERE),
    (Kind.TOP_UP, SOME_AMOUNT, ABOUT_NOTHING, AS_SENT, TOPS_UP, UNDO_IF_FUNDS, AT_CHIP),
    (Kind.HOLD, SOME_AMOUNT, ABOUT_NOTHING, AS_SENT, HOLDS, UNDO_LEGS,
     DENIABLE | CAPPED | LASTING),
    (Kind.CAPTURE, SOME_AMOUNT, ABOUT_HOLD, AS_SENT, CAPTURES, UNDO_NEVER, REFUNDABLE),
    (Kind.RELEASE, NO_AMOUNT, ABOUT_HOLD, AS_SENT, RELEASES, UNDO_NEVER, SWEPT),
    (Kind.CHECK, NO_AMOUNT, ABOUT_NOTHING, AS_SENT, BOOKS_NOTHING, UNDO_LEGS,
     OFFLINE | AT_CHIP | DENIABLE),
    (Kind.ADJUST, SIGNED_AMOUNT, ABOUT_CHARGE, AS_SENT, ADJUSTS, UNDO_NEVER, CAUSED | INTERNAL),
    (Kind.EVENT, NO_AMOUNT, ABOUT_NOTHING, AS_SENT, BOOKS_NOTHING, UNDO_LEGS,
     OFFLINE | AT_CHIP | AT_SCENE),
    (Kind.GRANT, SOME_AMOUNT, ABOUT_NOTHING, AS_SENT, GRANTS, UNDO_IF_WHOLE, INTERNAL | IN_LOT),
)


def _fill():
    """ImportError unless each kind has one row."""
    cdef KindRule* rule
    if [row[0] for row in ROWS] != list(Kind) or len(ROWS) != KINDS - 1:
        raise ImportError("kinds: expected a row of each kind, in the order of their numbers")
    for kind, amount, about, rate, post, undo, traits in ROWS:
        rule = &_rules[<int>kind]
        rule.amount = amount
        rule.about = about
        rule.rate = rate
        rule.post = post
        rule.undo = undo
        rule.traits = traits


_fill()

FINISHING = tuple(kind for kind in Kind if finishes(kind))
