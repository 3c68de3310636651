import json
import logging
from typing import Any

import asyncpg
import pytest
import structlog
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import TypeAdapter, ValidationError

from services.chassis import logs
from services.chassis.errors import PermanentError
from services.chassis.settings import Log

pytestmark = pytest.mark.usefixtures("logging_restored")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_is_one_json_object_with_a_constant_event_and_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Log(), service="relay")
    structlog.get_logger().info("batch_sent", records=3)
    [line] = lines(capsys)
    assert line.pop("at").endswith("Z")
    assert line == {"event": "batch_sent", "records": 3, "level": "info", "service": "relay"}


def test_the_standard_librarys_loggers_speak_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Log(), service="relay")
    logging.getLogger("some.library").warning("lost %s", "it")
    [line] = lines(capsys)
    assert line.pop("at")
    assert line == {"event": "lost it", "level": "warning", "service": "relay", "logger": "some.library"}


def test_below_the_level_nothing_is_said_and_noisy_libraries_only_warn(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Log(level="debug"), service="relay")
    logging.getLogger("aiokafka.consumer").info("joined")
    logging.getLogger("faust.app").debug("message")
    structlog.get_logger().debug("seen")
    assert [line["event"] for line in lines(capsys)] == ["seen"]
    logs.configure(Log(level="error"), service="relay")
    structlog.get_logger().info("unseen")
    assert lines(capsys) == []


def test_a_noisy_library_that_repeats_itself_is_heard_once(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Log(), service="relay")
    for node in range(50):
        logging.getLogger("urllib3.pool").error("no connection to %s", node)
        logging.getLogger("ours").error("lost %s", node)
    said = [line["logger"] for line in lines(capsys)]
    assert (said.count("urllib3.pool"), said.count("ours")) == (1, 50)


def refuse_after(cause: Exception) -> None:
    raise PermanentError("unknown list 7") from cause


def test_a_failure_is_its_type_its_place_and_its_causes(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Log(), service="relay")
    try:
        refuse_after(OSError("no route"))
    except PermanentError:
        structlog.get_logger().exception("failed")
    failure = lines(capsys)[0]["failure"]
    assert (failure["type"], failure["text"]) == ("PermanentError", "unknown list 7")
    assert (failure["cause"]["type"], failure["cause"]["text"]) == ("OSError", "no route")
    assert "test_a_failure_is_its_type" in failure["at"][0]


def quoting() -> list[BaseException]:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(int).validate_python("ann@example.com")
    return [
        raised.value,
        KeyError("ann@example.com"),
        ValueError("ann@example.com"),
        asyncpg.UniqueViolationError("ann@example.com"),
        ExceptionGroup("parts", [ValueError("ann@example.com")]),
        HttpProcessingError(message="ann@example.com"),
    ]


@pytest.mark.parametrize("exc", quoting(), ids=lambda exc: type(exc).__name__)
def test_a_failure_that_may_quote_a_person_is_logged_without_its_text(
    exc: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(Log(), service="relay")
    structlog.get_logger().error("failed", exc_info=exc)
    logging.getLogger("some.library").error("failed", exc_info=exc)
    said = capsys.readouterr().out
    assert said.count(type(exc).__name__) == 2
    assert "ann@example.com" not in said


def test_while_developing_lines_are_for_reading(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Log(format="console"), service="relay")
    structlog.get_logger().info("batch_sent", records=3)
    assert "batch_sent" in capsys.readouterr().out
