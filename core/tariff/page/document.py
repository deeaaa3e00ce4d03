"""One page of HTML that stands alone: no style, script, font or picture comes from elsewhere.

What is put into it is text unless it is made here: `text` escapes, so that a name in a tariff or a
file is never markup. It reads at the width of a phone, and in the dark where that is asked for.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1b1f24; --soft: #5b6570;
  --line: #d9dee3; --bar: #2f6db3; --bad: #b3372f; --tile: #f3f5f7; }
@media (prefers-color-scheme: dark) { :root { --paper: #15181c; --ink: #e8ebee; --soft: #9aa5b1;
  --line: #343b43; --bar: #6ba3e0; --bad: #ef8078; --tile: #1f242a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.25rem 1rem 3rem; max-width: 68rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, "Noto Sans", "Noto Sans SC", "PingFang SC",
  "Microsoft YaHei", sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { margin: .4rem 0; max-width: 46rem; }
.soft { color: var(--soft); }
.bad { color: var(--bad); }
.tiles { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1rem 0 0; padding: 0; }
.tiles div { background: var(--tile); border-radius: .5rem; padding: .6rem .9rem; min-width: 8rem;
  flex: 1 1 8rem; }
.tiles dt { color: var(--soft); font-size: .875rem; }
.tiles dd { margin: 0; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.bars { display: grid; grid-template-columns: minmax(9rem, 18rem) 1fr auto; gap: .35rem .75rem;
  align-items: center; }
.bars svg { display: block; width: 100%; height: 1rem; }
.bars rect { fill: var(--bar); }
.bars rect.bad { fill: var(--bad); }
.bars b { font-weight: 500; text-align: right; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; font-size: .9375rem; }
th { text-align: left; font-weight: 500; color: var(--soft); border-bottom: 1px solid var(--line); }
th, td { padding: .35rem 1.25rem .35rem 0; vertical-align: top; }
summary { cursor: pointer; color: var(--soft); margin: .4rem 0; }
td { border-bottom: 1px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
@media (max-width: 40rem) {
  .bars { grid-template-columns: 1fr auto; }
  .bars span { grid-column: 1 / -1; margin-bottom: -.35rem; }
  .stacked thead { display: none; }
  .stacked tr { display: block; border-bottom: 1px solid var(--line); padding: .4rem 0; }
  .stacked td { display: flex; gap: .75rem; border: 0; padding: .1rem 0; text-align: left;
    white-space: normal; overflow-wrap: anywhere; }
  .stacked td::before { content: attr(data-of); color: var(--soft); flex: 0 0 6.5rem; }
  .stacked td:empty { display: none; }
}
"""


def document(title: str, parts: Iterable[str], style: str = "", script: str = "") -> str:
    """The whole page. `parts` are HTML; `script` is run when the page is there."""
    body = "\n".join(parts)
    code = f"<script>\n{script}</script>\n" if script else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
        f"<title>{text(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n"
        f"<body>\n{body}\n{code}</body>\n</html>\n"
    )


def text(said: object) -> str:
    """What is said, as text of a page or of an attribute in quotes."""
    return html.escape(str(said), quote=True)


def heading(title: str, below: str = "") -> str:
    return f"<h1>{text(title)}</h1>" + (f'\n<p class="soft">{text(below)}</p>' if below else "")


def section(title: str) -> str:
    return f"<h2>{text(title)}</h2>"


def paragraph(said: str, kind: str = "") -> str:
    return f'<p class="{kind}">{text(said)}</p>' if kind else f"<p>{text(said)}</p>"


def tiles(facts: Sequence[tuple[str, str]]) -> str:
    """Few numbers that are the answer, each under its name."""
    rows = "".join(
        f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in facts
    )
    return f'<dl class="tiles">{rows}</dl>'


def bars(counts: Sequence[tuple[str, int, bool]], title: str) -> str:
    """A bar a count, the longest as wide as there is room; the third says that it is a bad one."""
    most = max((count for _, count, _ in counts), default=0) or 1
    rows = []
    for name, count, bad in counts:
        tenths = max(count * 1000 // most, 3 if count else 0)  # so that one of a thousand shows
        kind = ' class="bad"' if bad else ""
        rows.append(
            f'<span>{text(name)}</span><svg role="img" aria-label="{text(name)}: {count}">'
            f'<rect{kind} width="{tenths // 10}.{tenths % 10}%" height="100%" rx="2"></rect></svg>'
            f"<b>{count:,}</b>"
        )
    return f'<div class="bars" role="group" aria-label="{text(title)}">{"".join(rows)}</div>'


def folded(title: str, parts: Iterable[str]) -> str:
    """What few want to read: behind its title until that is touched."""
    inner = "\n".join(parts)
    return f"<details><summary>{text(title)}</summary>\n{inner}\n</details>"


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[str] = ()
) -> str:
    """Rows under their columns; at the width of a phone each row is a block of names and values."""

    kinds = {column: ' class="number"' if column in numbers else "" for column in columns}

    def cell(column: str, value: str) -> str:
        return f'<td{kinds[column]} data-of="{text(column)}">{text(value)}</td>'

    head = "".join(f"<th{kinds[column]}>{text(column)}</th>" for column in columns)
    body = "\n".join(
        f"<tr>{''.join(cell(*pair) for pair in zip(columns, row, strict=True))}</tr>"
        for row in rows
    )
    return (
        f'<table class="stacked"><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>'
    )
