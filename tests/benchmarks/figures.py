"""A figure: what was measured, by series and repeat, and which ratios of two series the project holds itself to."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Bar:
    """A ratio of one column of two series. Both ran in the same repeat, so the ratio is taken there, then the median."""

    name: str
    series: str
    floor: str
    column: str
    limit: float
    side: Literal["at least", "at most"] = "at least"


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of one column of one series itself."""

    name: str
    series: str
    column: str
    limit: float
    side: Literal["at least", "at most"] = "at most"


@dataclass(slots=True)
class Figure:
    """`runs` has one mapping of column to value per series and repeat."""

    key: str
    title: str
    columns: tuple[str, ...]
    bars: tuple[Bar, ...] = ()
    limits: tuple[Limit, ...] = ()
    notes: tuple[str, ...] = ()
    runs: dict[str, list[Mapping[str, float]]] = field(default_factory=dict)

    def add(self, series: str, **values: float) -> None:
        """Keep what one repeat of a series gave; keywords are columns with `_` for what a name cannot hold."""
        columns = {keyword(column): column for column in self.columns}
        self.runs.setdefault(series, []).append({columns[name]: value for name, value in values.items()})

    def medians(self, series: str) -> dict[str, float]:
        """Return the median of each column over the repeats."""
        runs = self.runs[series]
        columns = (column for column in self.columns if all(column in run for run in runs))
        return {column: median(run[column] for run in runs) for column in columns}

    def ratio(self, bar: Bar) -> float | None:
        """Return the median of the ratios, None while a series is missing."""
        pairs = zip(self.runs.get(bar.series, []), self.runs.get(bar.floor, []), strict=False)
        ratios = [run[bar.column] / floor[bar.column] for run, floor in pairs if floor[bar.column]]
        return median(ratios) if ratios else None

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Figure":
        """Read what `document` wrote."""
        return cls(
            **{
                **document,
                "columns": tuple(document["columns"]),
                "notes": tuple(document["notes"]),
                "bars": tuple(Bar(**bar) for bar in document["bars"]),
                "limits": tuple(Limit(**limit) for limit in document["limits"]),
            }
        )


def keyword(column: str) -> str:
    """Return a column's name as a keyword: `CPU us each` is `cpu_us_each`, `interactions/s` is `interactions_s`."""
    return "".join(character if character.isalnum() else "_" for character in column.lower()).strip("_")


def holds(value: float, limit: float, side: str) -> bool:
    """Tell whether a value keeps to a limit."""
    return value >= limit if side == "at least" else value <= limit
