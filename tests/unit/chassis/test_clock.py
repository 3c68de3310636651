from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.chassis.clock import FileClock, SystemClock, clock_of
from services.chassis.settings import ClockSource

SOON = timedelta(seconds=5)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "clock"


def test_without_a_file_setting_the_system_tells_the_time() -> None:
    assert type(clock_of(ClockSource())) is SystemClock


def test_an_absent_or_empty_file_leaves_the_time_as_it_is(file: Path) -> None:
    clock = clock_of(ClockSource(file=file))
    assert abs(clock.now() - datetime.now(UTC)) < SOON
    file.write_text("\n")
    assert abs(clock.now() - datetime.now(UTC)) < SOON


def test_an_instant_makes_time_stand_still_there(file: Path) -> None:
    file.write_text("2031-01-31T13:00:00+01:00\n")
    clock = FileClock(file)
    assert clock.now() == clock.now() == datetime(2031, 1, 31, 12, tzinfo=UTC)
    assert clock.now().tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "offset"),
    [("+PT300S", timedelta(minutes=5)), ("-P1D", timedelta(days=-1)), ("+P7DT1H", timedelta(7, 3600))],
)
def test_an_offset_moves_a_time_that_goes_on(file: Path, text: str, offset: timedelta) -> None:
    file.write_text(text)
    clock = FileClock(file)
    assert abs(clock.now() - datetime.now(UTC) - offset) < SOON


def test_rewriting_the_file_holds_at_once(file: Path) -> None:
    clock = FileClock(file)
    file.write_text("2031-01-31T12:00:00Z")
    assert clock.now().year == 2031
    file.write_text("2032-01-31T12:00:00Z")
    assert clock.now().year == 2032


@pytest.mark.parametrize("text", ["tomorrow", "+5 minutes", "2031-01-31T12:00:00"])
def test_other_content_is_an_error(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(ValueError, match=r"."):
        FileClock(file).now()


def test_the_stop_watch_is_never_moved(file: Path) -> None:
    clock = FileClock(file)
    before = clock.monotonic()
    file.write_text("-P1D")
    assert clock.monotonic() >= before
