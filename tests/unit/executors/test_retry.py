from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.executors.core.retry import Schedule, doubling

HOUR = timedelta(hours=1)
STEPS = Schedule((5.0, 300.0, 1800.0), HOUR)


def test_each_failure_has_its_step_until_they_are_used_up() -> None:
    assert [STEPS.delay_s(attempts, 0.5) for attempts in (1, 2, 3, 4)] == [5.0, 300.0, 1800.0, None]


def test_a_lasting_schedule_goes_on_with_its_last_step() -> None:
    schedule = doubling(1.0, 100.0, HOUR)
    assert [schedule.delay_s(attempts, 0.5) for attempts in range(1, 11)] == [1, 2, 4, 8, 16, 32, 64, 100, 100, 100]


@given(st.integers(1, 3), st.floats(0, 1, exclude_max=True))
def test_jitter_stays_within_a_fifth(attempts: int, roll: float) -> None:
    step_s = STEPS.steps_s[attempts - 1]
    delay_s = STEPS.delay_s(attempts, roll)
    assert delay_s is not None
    assert 0.8 * step_s <= delay_s <= 1.2 * step_s


@pytest.mark.parametrize(("after_s", "delay_s"), [(0.0, 300.0), (299.0, 300.0), (450.0, 450.0), (9e9, 600.0)])
def test_what_the_other_side_asks_for_counts_between_one_and_two_steps(after_s: float, delay_s: float) -> None:
    assert STEPS.delay_s(2, 0.0, after_s) == delay_s
