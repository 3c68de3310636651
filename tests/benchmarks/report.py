"""Results as a table for a terminal, as JSON for a machine, and as the tables of `docs/performance.md`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from tests.benchmarks.figures import Figure, holds

_BLOCK: Final = "<!-- bench:{key} -->\n{body}<!-- /bench:{key} -->"


def write(folder: Path, figures: Sequence[Figure], conditions: Mapping[str, Any]) -> None:
    """Keep each figure in a file of its own, with the conditions it was measured under."""
    folder.mkdir(parents=True, exist_ok=True)
    for figure in figures:
        document = {"conditions": conditions, "figure": figure.document()}
        (folder / f"{figure.key}.json").write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))


def render(results: Path, page: Path) -> list[str]:
    """Replace the page's tables by those of the results that are there; return whose. Raises LookupError for a figure
    that has no place in the page."""
    text = page.read_text(encoding="utf-8")
    rendered = []
    for file in sorted(results.glob("*.json")):
        document = orjson.loads(file.read_bytes())
        figure = Figure.of(document["figure"])
        text = _replaced(text, figure.key, markdown(figure, document["conditions"]))
        rendered.append(figure.key)
    page.write_text(text, encoding="utf-8")
    return rendered


def _replaced(text: str, key: str, body: str) -> str:
    block = re.compile(_BLOCK.format(key=re.escape(key), body=".*?"), re.DOTALL)
    if not block.search(text):
        raise LookupError(f"the page has no place for {key}")
    return block.sub(lambda _: _BLOCK.format(key=key, body=body), text)


def markdown(figure: Figure, conditions: Mapping[str, Any]) -> str:
    """Write a figure's table, its bars and its conditions."""
    lines = [
        f"| | {' | '.join(figure.columns)} |",
        f"|---|{'---:|' * len(figure.columns)}",
        *(f"| {series} | {' | '.join(cells(figure, series))} |" for series in figure.runs),
        "",
        *(f"- {line}" for line in bars(figure)),
        *(f"- {note}" for note in figure.notes),
        f"- {provenance(conditions)}",
    ]
    return "\n".join(lines) + "\n"


def plain(figure: Figure) -> str:
    """Write a figure for a terminal."""
    rows = [["", *figure.columns], *([series, *cells(figure, series)] for series in figure.runs)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    table = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
    return "\n".join([figure.title, *table, *bars(figure), *figure.notes]) + "\n"


def cells(figure: Figure, series: str) -> list[str]:
    """Return the medians of one series as texts; a column that it has not is empty."""
    medians = figure.medians(series)
    return [number(medians[column]) if column in medians else "" for column in figure.columns]


def bars(figure: Figure) -> Iterator[str]:
    """Say how each bar is kept."""
    for bar in figure.bars:
        if (ratio := figure.ratio(bar)) is not None:
            yield f"{bar.name}: {_verdict(ratio, bar.limit, bar.side)}"
    for limit in figure.limits:
        if limit.series in figure.runs:
            yield f"{limit.name}: {_verdict(figure.medians(limit.series)[limit.column], limit.limit, limit.side)}"


def _verdict(value: float, limit: float, side: str) -> str:
    return f"{value:.2f} ({side} {limit:g}: {'kept' if holds(value, limit, side) else 'MISSED'})"


def number(value: float) -> str:
    """Write a number with as many digits as mean something."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def provenance(conditions: Mapping[str, Any]) -> str:
    """Say when and where it was measured."""
    scale = "" if conditions["scale"] == 1 else f", scale {conditions['scale']:g}: not the figure that the bar means"
    return (
        f"medians of {conditions['repeats']}{scale}; {conditions['date']}, {conditions['commit']}, "
        f"load before {conditions['machine']['load_before']}"
    )
