"""Pools of product.md §4: even, replay-safe, and a disabled user moves only their own interactions."""

from collections import Counter
from uuid import UUID

import pytest

from core.choice import choose

_UIDS = [str(UUID(int=number)) for number in range(10_000)]
_NOBODY: frozenset[str] = frozenset()


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_a_pool_is_within_ten_percent_of_even_over_ten_thousand(size: int) -> None:
    pool = [f"user-{number}" for number in range(size)]
    counts = Counter(choose(pool, _NOBODY, uid) for uid in _UIDS)
    even = len(_UIDS) / size
    assert all(abs(counts[user] - even) <= even / 10 for user in pool), counts


def test_the_order_of_the_pool_does_not_matter() -> None:
    pool = ["ann", "bob", "cy"]
    assert [choose(pool, _NOBODY, uid) for uid in _UIDS[:100]] == [
        choose(pool[::-1], _NOBODY, uid) for uid in _UIDS[:100]
    ]


def test_a_disabled_user_moves_only_their_own_interactions() -> None:
    pool = ["ann", "bob", "cy"]
    for uid in _UIDS[:1000]:
        before, after = choose(pool, _NOBODY, uid), choose(pool, frozenset({"bob"}), uid)
        assert after == before if before != "bob" else after in {"ann", "cy"}


def test_nobody_enabled_is_nobody() -> None:
    assert choose(["ann"], frozenset({"ann"}), _UIDS[0]) is None
