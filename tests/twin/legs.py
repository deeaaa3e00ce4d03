"""Legs that several kinds book, for the slow twin."""

from onecard.ext.shape.numbers import Funding, OwnerKind, Purse
from tests.twin.state import Leg


def payer(funding: int, account: int, issuer: int, amount_fen: int) -> Leg:
    """The leg that carries the holder's side."""
    if funding == Funding.PREPAID:
        return Leg(account, issuer, OwnerKind.ACCOUNT, Purse.MAIN, amount_fen)
    if funding == Funding.CHIP:
        return Leg(issuer, issuer, OwnerKind.FLOAT, Purse.MAIN, amount_fen)
    return Leg(issuer, issuer, OwnerKind.RECEIVABLE, Purse.MAIN, amount_fen)


def payable(operator: int, amount_fen: int) -> Leg:
    return Leg(operator, operator, OwnerKind.PAYABLE, Purse.MAIN, amount_fen)
