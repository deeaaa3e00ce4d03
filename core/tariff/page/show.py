"""A tariff as a page: what it says, rule by rule with its source, and what it charges from where to
where."""

from __future__ import annotations

from onecard.core.days import day_text
from onecard.core.tariff import facts, matrix
from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.facts import Item
from onecard.core.tariff.page import document, heat
from onecard.core.tariff.page.document import text
from onecard.core.tariff.read_back import rows

RULES_SHOWN = 500  # of a kind: a feed may have fifty thousand

STYLE = """
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; }
.rules td:first-child { min-width: 9rem; font-weight: 500; }
.rules small { color: var(--soft); font-weight: 400; display: block; }
@media (min-width: 40.01rem) { .rules { table-layout: fixed; }
  .rules td:first-child { width: 22%; } .rules td:last-child { width: 26%; } }
@media (max-width: 40rem) { .rules td:first-child { display: block; }
  .rules td::before { display: none; } .rules td { display: block; } }
"""


def page(compiled: Compiled, shown: list[int], rider_class: int) -> str:
    """The whole page, with the fares of the networks `shown` for one class."""
    words = compiled.words
    parts = [
        document.heading(f"{words['name']}", words["id"]),
        _facts(facts.head(compiled)),
    ]
    kinds: dict[str, list[Item]] = {}
    for item in facts.items(compiled):
        kinds.setdefault(item.kind, []).append(item)
    for kind, found in kinds.items():
        parts += [document.section(TITLES.get(kind, kind)), _rules(found)]
    for network in shown:
        parts += _fares(compiled, network, rider_class)
    return document.document(f"Tariff {words['id']}", parts, STYLE + heat.STYLE, heat.SCRIPT)


TITLES = {
    "network": "Networks",
    "leg": "Fares of legs",
    "class": "Riders",
    "discount": "Discounts",
    "transfer": "Transfers",
    "leg transfer": "Transfers between legs",
    "tier": "Tiers",
    "limit": "Limits",
    "cap": "Caps",
    "foreign": "Cards of other cities",
}


def _facts(said: dict[str, str]) -> str:
    rows = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in said.items())
    return f'<dl class="facts">{rows}</dl>'


def _rules(found: list[Item]) -> str:
    """A rule a row: its name, what it says, where it is from."""
    made = []
    for item in found[:RULES_SHOWN]:
        name = f"<small>{text(item.name)}</small>" if item.name not in ("", item.id) else ""
        made.append(
            f"<tr><td>{text(item.id or 'all')}{name}</td><td>{_facts(item.said)}</td>"
            f'<td class="soft">{text(item.from_where)}</td></tr>'
        )
    more = ""
    if len(found) > RULES_SHOWN:
        more = document.paragraph(f"and {len(found) - RULES_SHOWN:,} more", "soft")
    body = "\n".join(made)
    return f'<table class="rules stacked"><tbody>\n{body}\n</tbody></table>{more}'


def _fares(compiled: Compiled, network: int, rider_class: int) -> list[str]:
    words = compiled.words
    day, at_us = matrix.moment(compiled)
    found = matrix.matrix(compiled, network, rider_class, at_us)
    named = words["networks"][network - 1]
    rider = words["classes"][rider_class]["id"] or "any rider"
    (header,) = rows(compiled.arrays, "header")
    parts = [
        document.section(f"Fares of {named['name'] or named['id'] or 'all routes'}, {rider}"),
        document.paragraph(
            "What a ride that begins and ends at noon costs a rider of this class without a past; "
            f"a Wednesday, {day_text(day)}.",
            "soft",
        ),
    ]
    if found.left_out:
        said = f"One station of each that no rule tells apart; {found.left_out:,} are left out."
        parts.append(document.paragraph(said, "soft"))
    if not found.places:
        return [*parts, document.paragraph("No station is in it.")]
    names = matrix.names(compiled, found)
    return [*parts, heat.heat(found, names, words["currency"], header["minor_digits"])]
