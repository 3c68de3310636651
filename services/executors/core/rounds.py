"""A batch as rounds: round k holds the k-th command of each prospect, so that a set-based statement meets each row once."""

from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

T = TypeVar("T")


def rounds(commands: Iterable[tuple[UUID, T]]) -> list[list[T]]:
    """Split (prospect id, command) pairs; each prospect's commands keep their order across the rounds."""
    seen: dict[UUID, int] = {}
    split: list[list[T]] = []
    for prospect_id, command in commands:
        nth = seen.get(prospect_id, 0)
        if nth == len(split):
            split.append([])
        split[nth].append(command)
        seen[prospect_id] = nth + 1
    return split
