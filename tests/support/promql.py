"""What a PromQL expression reads: the samples it selects, and the labels that it selects or groups them by."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from promql_parser import AggregateExpr, Expr, VectorSelector, parse, walk

from tests.support.declared_metrics import samples


@dataclass(slots=True)
class Read:
    """The names of samples, each with the labels by which it is selected; and the labels of all groupings."""

    selected: dict[str, set[str]] = field(default_factory=dict)
    grouped_by: set[str] = field(default_factory=set)


def read(expression: str) -> Read:
    """Parse an expression. Raises ValueError when it is none."""
    found = Read()

    def visit(node: Expr) -> None:
        if isinstance(node, VectorSelector):
            labels = found.selected.setdefault(node.name or "", set())
            labels.update(matcher.name for matcher in node.matchers.matchers)
        elif isinstance(node, AggregateExpr) and node.modifier is not None:
            found.grouped_by.update(node.modifier.labels)

    walk(parse(expression), pre_visit=visit)
    return found


def mistakes(expression: str, declared: Mapping[str, frozenset[str]] | None = None) -> list[str]:
    """Return what the expression reads and nobody exports."""
    known = samples() if declared is None else declared
    found = read(expression)
    wrong = [f"no process exports {name!r}" for name in found.selected if name not in known]
    for name, labels in found.selected.items():
        wrong += [f"{name} has no label {label!r}" for label in labels - known.get(name, frozenset(labels))]
    of_any = frozenset().union(*(known.get(name, frozenset()) for name in found.selected))
    wrong += [f"none of {sorted(found.selected)} has the label {label!r}" for label in found.grouped_by - of_any]
    return wrong
