"""A fare matrix to look at: colours for fares, in which any two stations can be looked up."""

from __future__ import annotations

import base64
import json

import numpy as np
from numpy.typing import NDArray

from onecard.core.tariff.currency import format_amount
from onecard.core.tariff.matrix import NO_FARE, Matrix, counts
from onecard.core.tariff.page.document import text

CELLS_IN_WORDS = 12  # stations up to which a matrix is a table of amounts
LEGEND_MAX = 40
# From a low fare to a high one: light to dark, so that they are in order without colours too.
RAMP = ((253, 243, 199), (166, 217, 178), (66, 174, 189), (41, 110, 176), (33, 46, 117))
UNDEFINED = (196, 200, 206)
DARK_INK, LIGHT_INK = "#1b1f24", "#ffffff"

STYLE = """
.heat { display: grid; grid-template-columns: minmax(0, 44rem) minmax(12rem, 1fr); gap: 1rem 1.5rem;
  align-items: start; }
.heat figure { margin: 0; }
.heat figure div { position: relative; overflow: hidden; }
.heat canvas { display: block; width: 100%; aspect-ratio: 1; image-rendering: pixelated;
  touch-action: pan-y; cursor: crosshair; background: var(--tile); }
.heat i { position: absolute; background: var(--bad); pointer-events: none; display: none; }
.heat figcaption { color: var(--soft); font-size: .875rem; margin-top: .35rem; }
.pick label { display: block; color: var(--soft); font-size: .875rem; margin-top: .35rem; }
.pick select { width: 100%; font: inherit; padding: .25rem; color: var(--ink);
  background: var(--paper); border: 1px solid var(--line); border-radius: .25rem; }
.pick output { display: block; min-height: 3.2rem; margin: .6rem 0; font-size: 1.15rem; }
.swatch { display: inline-block; width: .9rem; height: .9rem; border-radius: .15rem;
  vertical-align: -.1rem; margin-right: .5rem; }
.grid { overflow-x: auto; margin-bottom: 1rem; }
.grid table { width: auto; font-size: .875rem; border-collapse: separate; border-spacing: 2px; }
.grid td, .grid th { border: 0; padding: .3rem .5rem; text-align: right; white-space: nowrap; }
.grid td { border-radius: .2rem; font-variant-numeric: tabular-nums; }
.grid thead th { white-space: normal; vertical-align: bottom; max-width: 6rem; }
@media (max-width: 48rem) { .heat { grid-template-columns: minmax(0, 1fr); } }
"""

SCRIPT = """
for (const box of document.querySelectorAll('.heat')) {
  const said = JSON.parse(box.querySelector('.data').textContent), n = said.names.length;
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const fares = bytes(said.fares), metres = said.metres ? bytes(said.metres) : null;
  const cell = (i, j) => {
    if (!said.symmetric) return i * n + j;
    const [a, b] = i < j ? [i, j] : [j, i];
    return a * n - a * (a - 1) / 2 + b - a;
  };
  const fare = (i, j) => {
    const at = cell(i, j);
    return said.wide ? fares[2 * at] + 256 * fares[2 * at + 1] : fares[at];
  };
  const canvas = box.querySelector('canvas'), [row, column] = box.querySelectorAll('i');
  const [from, to] = box.querySelectorAll('select'), answer = box.querySelector('output');
  const pen = canvas.getContext('2d'), picture = pen.createImageData(n, n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) {
    picture.data.set([...said.colours[fare(i, j)], 255], 4 * (i * n + j));
  }
  pen.putImageData(picture, 0, 0);
  for (const list of [from, to]) for (const name of said.names) list.add(new Option(name));
  const show = (i, j) => {
    [from.selectedIndex, to.selectedIndex] = [i, j];
    let words = said.names[i] + ' \\u2192 ' + said.names[j] + ': ' + said.amounts[fare(i, j)];
    if (metres) {
      const at = 3 * cell(i, j), m = metres[at] + 256 * metres[at + 1] + 65536 * metres[at + 2];
      words += m < 16777215 ? ', ' + m.toLocaleString('en') + ' m' : ', no way';
    }
    answer.textContent = words;
    const middle = (at) => 100 * (at + .5) / n;  // of the picture, however wide it becomes
    row.style.cssText = `display:block;left:0;width:100%;height:1px;top:${middle(i)}%`;
    column.style.cssText = `display:block;top:0;height:100%;width:1px;left:${middle(j)}%`;
  };
  const point = (event) => {
    const place = canvas.getBoundingClientRect();
    const at = (part, whole) => Math.min(n - 1, Math.max(0, Math.floor(part * n / whole)));
    show(at(event.clientY - place.top, place.height), at(event.clientX - place.left, place.width));
  };
  canvas.addEventListener('pointermove', point);
  canvas.addEventListener('pointerdown', point);
  for (const list of [from, to]) list.addEventListener('change', () => show(
    from.selectedIndex, to.selectedIndex));
  show(0, n > 1 ? 1 : 0);
}
"""


def heat(found: Matrix, names: list[str], currency: str, digits: int) -> str:
    """The matrix: a table of amounts where there are few stations, else a picture."""
    fares = counts(found)
    colours = [UNDEFINED if fare == NO_FARE else RAMP[0] for fare, _ in fares]
    defined = [at for at, (fare, _) in enumerate(fares) if fare != NO_FARE]
    for rank, at in enumerate(defined):
        colours[at] = _colour(rank, max(len(defined) - 1, 1))
    amounts = [_amount(fare, currency, digits) for fare, _ in fares]
    order = np.array([fare for fare, _ in fares], np.int64)
    index = np.searchsorted(order, found.fares)
    if len(names) <= CELLS_IN_WORDS:
        plain = [_amount(fare, "", digits) for fare, _ in fares]
        return _grid(index, names, plain, colours) + _legend(fares, amounts, colours)
    return _picture(found, index, names, amounts, colours) + (
        f"{_legend(fares, amounts, colours)}</div></div>"
    )


def _amount(fare: int, currency: str, digits: int) -> str:
    if fare == NO_FARE:
        return "no fare" if currency else "–"
    return f"{format_amount(fare, digits)} {currency}".rstrip()


def _colour(rank: int, last: int) -> tuple[int, int, int]:
    """The colour of a fare by its rank, between the two of the ramp that are next to it."""
    at, part = divmod(rank * (len(RAMP) - 1) * 256 // last, 256)
    low, high = RAMP[at], RAMP[min(at + 1, len(RAMP) - 1)]
    red, green, blue = (a + (b - a) * part // 256 for a, b in zip(low, high, strict=True))
    return red, green, blue


def _hex(colour: tuple[int, int, int]) -> str:
    return "#" + "".join(f"{part:02x}" for part in colour)


def _ink(colour: tuple[int, int, int]) -> str:
    """Dark on light colours: their weights are those of the eye."""
    red, green, blue = colour
    return DARK_INK if red * 299 + green * 587 + blue * 114 > 140_000 else LIGHT_INK


def _grid(
    index: NDArray[np.int64],
    names: list[str],
    amounts: list[str],
    colours: list[tuple[int, int, int]],
) -> str:
    head = "".join(f'<th scope="col">{text(name)}</th>' for name in names)
    rows = []
    for name, cells in zip(names, index.tolist(), strict=True):
        said = "".join(
            f'<td style="background:{_hex(colours[at])};color:{_ink(colours[at])}">'
            f"{text(amounts[at])}</td>"
            for at in cells
        )
        rows.append(f'<tr><th scope="row">{text(name)}</th>{said}</tr>')
    return (
        '<div class="grid"><table><caption class="soft">from the station of a row to that of a '
        f"column</caption><thead><tr><th>from</th>{head}</tr></thead><tbody>{''.join(rows)}"
        "</tbody></table></div>"
    )


def _picture(
    found: Matrix,
    index: NDArray[np.int64],
    names: list[str],
    amounts: list[str],
    colours: list[tuple[int, int, int]],
) -> str:
    metres = found.metres
    symmetric = bool((index == index.T).all())
    symmetric = symmetric and (metres is None or bool((metres == metres.T).all()))
    wide = len(amounts) > 256
    data = {
        "names": names,
        "amounts": amounts,
        "colours": colours,
        "symmetric": symmetric,
        "wide": wide,
        "fares": _packed(index, symmetric, 2 if wide else 1),
        "metres": None
        if metres is None
        else _packed(np.clip(metres, 0, (1 << 24) - 1), symmetric, 3),
    }
    said = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    said = said.replace("<", "\\u003c").replace("&", "\\u0026")
    side = len(names)
    return (
        f'<div class="heat"><figure><div><canvas width="{side}" height="{side}" tabindex="0" '
        f'role="img" aria-label="fares between {side} stations"></canvas><i></i><i></i></div>'
        "<figcaption>rows are where a ride begins, columns where it ends; the lists beside it look "
        'up any two</figcaption></figure><div class="pick"><label>from<select></select></label>'
        "<label>to<select></select></label><output></output>"
        f'<script type="application/json" class="data">{said}</script>'
    )


def _packed(values: NDArray[np.int64], symmetric: bool, width: int) -> str:
    """Numbers of `width` bytes each, the lowest first; the upper half where both are the same."""
    flat = values[np.triu_indices(len(values))] if symmetric else values.reshape(-1)
    content = flat.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :width]
    return base64.b64encode(np.ascontiguousarray(content).tobytes()).decode()


def _legend(
    fares: list[tuple[int, int]], amounts: list[str], colours: list[tuple[int, int, int]]
) -> str:
    """Colours, amounts and how many pairs of stations: what is there without a script, too."""
    rows = [
        f'<tr><td><span class="swatch" style="background:{_hex(colour)}"></span>{text(amount)}</td>'
        f'<td class="number">{count:,}</td></tr>'
        for amount, (_, count), colour in zip(amounts, fares, colours, strict=True)
    ]
    more = ""
    if len(rows) > LEGEND_MAX:
        more = f'<p class="soft">and {len(rows) - LEGEND_MAX:,} fares more</p>'
    return (
        '<table><thead><tr><th>fare</th><th class="number">pairs of stations</th></tr></thead>'
        f"<tbody>{''.join(rows[:LEGEND_MAX])}</tbody></table>{more}"
    )
