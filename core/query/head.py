"""Where a ledger ends: what an auditor keeps somewhere else, and what names the ledger."""

from dataclasses import dataclass

from onecard.core.journal import Journal
from onecard.core.journal.algorithms import name_of
from onecard.core.ledger.token import CardTokens


@dataclass(frozen=True)
class Head:
    """`hash` is of the last durable block, which ends at `sequence`."""

    sequence: int
    hash: bytes
    window: int  # the open one
    ledger: bytes  # its id, 16 bytes
    key_check: int  # of the key of its tokens
    card_number: str  # the form of its printed numbers, "" where any is taken
    tokens: str  # the name of the keyed hash that makes tokens of them


def head_of(journal: Journal, card_tokens: CardTokens, window: int) -> Head:
    """`window` is what `open_number` said before, so its opening is not after this head."""
    tip = journal.durable
    return Head(
        sequence=tip.last,
        hash=tip.head,
        window=window,
        ledger=journal.ledger_id,
        key_check=card_tokens.key_check,
        card_number=card_tokens.form.text(),
        tokens=name_of("tokens", card_tokens.tokens),
    )
