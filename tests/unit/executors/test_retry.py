import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.executors.core.retry import Backoff

BACKOFF = Backoff(first_s=0.2, max_s=10.0)


@pytest.mark.parametrize(("attempt", "ceiling_s"), [(1, 0.2), (2, 0.4), (3, 0.8), (6, 6.4), (7, 10.0), (10**9, 10.0)])
def test_the_ceiling_doubles_up_to_ten_seconds(attempt: int, ceiling_s: float) -> None:
    assert BACKOFF.delay_s(attempt, 1.0) == pytest.approx(ceiling_s)


@given(attempt=st.integers(1, 10_000), draw=st.floats(0, 1, exclude_max=True))
def test_the_jitter_is_full(attempt: int, draw: float) -> None:
    assert BACKOFF.delay_s(attempt, draw) == pytest.approx(draw * BACKOFF.delay_s(attempt, 1.0))
