import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.backoff import Backoff

BACKOFF = Backoff(first_s=0.2, max_s=10.0)


@pytest.mark.parametrize(("failures", "ceiling_s"), [(1, 0.2), (2, 0.4), (3, 0.8), (6, 6.4), (7, 10.0), (10**9, 10.0)])
def test_the_ceiling_doubles_up_to_ten_seconds(failures: int, ceiling_s: float) -> None:
    assert BACKOFF.delay_s(failures, 1.0) == pytest.approx(ceiling_s)


@given(failures=st.integers(1, 10_000), draw=st.floats(0, 1, exclude_max=True))
def test_the_jitter_is_full(failures: int, draw: float) -> None:
    assert BACKOFF.delay_s(failures, draw) == pytest.approx(draw * BACKOFF.delay_s(failures, 1.0))
