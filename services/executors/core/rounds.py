"""A batch as rounds: round k holds the k-th command of each prospect, so that a set-based statement meets each row once."""

from collections import Counter
from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

T = TypeVar("T")


def rounds(commands: Iterable[tuple[UUID, T]]) -> list[list[T]]:
    """Split (prospect id, command) pairs; each prospect's commands keep their order across the rounds."""
    seen: Counter[UUID] = Counter()
    split: list[list[T]] = []
    for prospect_id, command in commands:
        if seen[prospect_id] == len(split):
            split.append([])
        split[seen[prospect_id]].append(command)
        seen[prospect_id] += 1
    return split
