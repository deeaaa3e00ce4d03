"""The legs that follow from an entry: what is not written, every reader gets written out."""

from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.numbers cimport Funding, OwnerKind, Purse, Template


cdef enum:
    CHARGE_LEGS = 2


cdef inline int expand(const Entry* entry, Leg* legs) noexcept nogil:
    """Writes the legs of an entry's template, and how many those are; docs/ledger.md, Blocks."""
    if entry.layout != Template.CHARGE:
        return 0
    legs[0].party = entry.issuer
    legs[0].purse = Purse.MAIN
    legs[0].amount_fen = -entry.amount_fen
    legs[0].owner = entry.issuer
    if entry.funding == Funding.PREPAID:
        legs[0].owner_kind = OwnerKind.ACCOUNT
        legs[0].owner = entry.account
    elif entry.funding == Funding.CHIP:
        legs[0].owner_kind = OwnerKind.FLOAT
    else:
        legs[0].owner_kind = OwnerKind.RECEIVABLE
    legs[1].owner = entry.operator_id
    legs[1].party = entry.operator_id
    legs[1].owner_kind = OwnerKind.PAYABLE
    legs[1].purse = Purse.MAIN
    legs[1].amount_fen = entry.amount_fen
    return CHARGE_LEGS
