from services.executors.core.breaker import Breaker


def _failed(times: int, *, at_s: float = 0.0) -> Breaker:
    breaker = Breaker(failures_max=3, open_s=30.0)
    for _ in range(times):
        breaker.ended(well=False, now_s=at_s)
    return breaker


def test_it_is_closed_until_so_many_failures_in_a_row() -> None:
    assert _failed(2).room(in_flight=7, now_s=0.0) is None
    assert _failed(3).room(in_flight=0, now_s=0.0) == 0


def test_a_success_between_failures_starts_the_count_anew() -> None:
    breaker = _failed(2)
    breaker.ended(well=True, now_s=0.0)
    breaker.ended(well=False, now_s=0.0)
    assert breaker.is_closed


def test_when_its_time_is_over_one_attempt_is_let_through_and_no_second_beside_it() -> None:
    breaker = _failed(3, at_s=100.0)
    assert breaker.room(in_flight=0, now_s=129.9) == 0
    assert breaker.room(in_flight=0, now_s=130.0) == 1
    assert breaker.room(in_flight=1, now_s=130.0) == 0


def test_that_attempt_closes_it_or_opens_it_for_as_long_again() -> None:
    breaker = _failed(3, at_s=0.0)
    breaker.ended(well=False, now_s=40.0)
    assert (breaker.room(in_flight=0, now_s=69.9), breaker.room(in_flight=0, now_s=70.0)) == (0, 1)
    breaker.ended(well=True, now_s=71.0)
    assert breaker.room(in_flight=5, now_s=71.0) is None
