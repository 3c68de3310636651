"""Which record triggers a change raises: each kind at most once, in the product's order."""

from collections.abc import Iterator
from typing import Any

from tests.chaos.model.effects import tag_key
from tests.chaos.model.log import Record

Change = dict[str, Any]
"""What `event.*` reads of a record trigger: before, after, tags, lists, delta, depth, by."""


def raised(before: Record | None, after: Record, by: str, depth: int) -> Iterator[tuple[str, Change]]:
    """Yield the triggers of one write with their change. A creation raises `created` alone."""
    for trigger, details in _kinds(before, after):
        blank: Change = {"tags": None, "lists": None, "delta": None}
        yield trigger, {**blank, **details, "before": before, "after": after, "by": by, "depth": depth}


def _kinds(before: Record | None, after: Record) -> Iterator[tuple[str, Change]]:
    if before is None:
        yield "created", {}
        return
    if before["fields"] != after["fields"]:
        yield "updated", {}
    added, removed = _new_tags(before, after), _new_tags(after, before)
    if added:
        yield "tag_added", {"tags": added}
    if removed:
        yield "tag_removed", {"tags": removed}
    joined, left = _new_lists(before, after), _new_lists(after, before)
    if joined:
        yield "list_joined", {"lists": joined}
    if left:
        yield "list_left", {"lists": left}
    if before["score"] != after["score"]:
        yield "score_changed", {"delta": after["score"] - before["score"]}
    if before["owner"] != after["owner"]:
        yield "owner_changed", {}
    if before["lead_id"] is None and after["lead_id"] is not None:
        yield "converted", {}


def _new_tags(before: Record, after: Record) -> list[str]:
    had = {tag_key(tag) for tag in before["tags"]}
    return [tag for tag in after["tags"] if tag_key(tag) not in had]


def _new_lists(before: Record, after: Record) -> list[str]:
    def subscribed(lists: Record) -> list[str]:
        return [name for name, status in lists["lists"].items() if status == "subscribed"]

    return [name for name in subscribed(after) if name not in subscribed(before)]
