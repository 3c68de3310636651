"""The window of product.md §5 rule 7."""

import pytest

from core.limits import DEFAULT
from core.spam import address, attempted, is_spam


def _verdicts(times_s: list[float]) -> list[bool]:
    kept: tuple[int, ...] = ()
    verdicts = []
    for time_s in times_s:
        now_ms = round(time_s * 1000)
        verdicts.append(is_spam(kept, now_ms, DEFAULT))
        kept = attempted(kept, now_ms, DEFAULT)
    return verdicts


def test_the_fifth_attempt_inside_five_minutes_is_spam_and_so_are_the_later_ones() -> None:
    assert _verdicts([0, 1, 2, 3, 4, 5]) == [False, False, False, False, True, True]


@pytest.mark.parametrize(("last_s", "spam"), [(299, True), (299.999, True), (300, False), (301, False)])
def test_an_attempt_exactly_five_minutes_ago_is_outside(last_s: float, *, spam: bool) -> None:
    assert _verdicts([0, 1, 2, 3, last_s])[-1] is spam


def test_refused_attempts_count_too() -> None:
    assert _verdicts([0, 1, 2, 3, 4, 250, 290, 299.5, 303.9, 604]) == [False] * 4 + [True] * 5 + [False]


@pytest.mark.parametrize(
    ("ip", "counted_as"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("no address", "no address"),
    ],
)
def test_an_address_counts_by_its_network(ip: str, counted_as: str) -> None:
    assert address(ip) == counted_as
