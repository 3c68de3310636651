"""Logs: one JSON object per line on standard output, ours and the libraries' alike.

Event names are constants, values are keys. An exception is logged as its type and where it was raised; its text only if
it is of a kind that cannot carry what a person typed.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import orjson
import structlog
from aiohttp.http_exceptions import HttpProcessingError

from services.chassis.settings import Log

_NOISY: Final = ("aiokafka", "faust", "mode", "asyncio", "aiohttp.access", "botocore", "urllib3")
_FRAMES_MAX: Final = 12
_REPEAT_AFTER_S: Final = 10.0
_TEMPLATES_MAX: Final = 1_000


def configure(log: Log, *, service: str) -> None:
    """Route structlog and the standard library's logging to standard output. Called before anything logs.

    Libraries are raised to warnings, whatever our own level: Faust calls `debug` for every message.
    """
    level = logging.getLevelNamesMapping()[log.level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.EventRenamer("event"),
        _service(service),
        _failure,
    ]
    renderer = _renderer(log)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, structlog.stdlib.ExtraAdder(allow=()), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    handler.addFilter(_Sparingly())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


class _Sparingly(logging.Filter):
    """Lets the same message of a noisy library through once in `_REPEAT_AFTER_S`: without a broker every client repeats
    itself ten times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._quiet_until: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record is to be logged."""
        if not record.name.startswith(_NOISY):
            return True
        template = (record.name, str(record.msg))
        if record.created < self._quiet_until.get(template, 0.0):
            return False
        if len(self._quiet_until) >= _TEMPLATES_MAX:
            self._quiet_until.clear()
        self._quiet_until[template] = record.created + _REPEAT_AFTER_S
        return True


def _renderer(log: Log) -> structlog.typing.Processor:
    if log.format == "console":
        return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    return structlog.processors.JSONRenderer(serializer=_serialize)


def _serialize(event: Any, **_: Any) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _service(name: str) -> structlog.typing.Processor:
    def add(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = name
        return event

    return add


def _failure(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace `exc_info` by the failure's type, place and, where harmless, text."""
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()[1]
    if isinstance(found, tuple):
        found = found[1]
    if isinstance(found, BaseException):
        event["failure"] = describe(found)
    return event


def describe(exc: BaseException) -> dict[str, Any]:
    """Return what may be logged of an exception and its causes.

    ValueError (pydantic's too), KeyError, what the database says and what an HTTP parser says may quote a value, so of those
    only the type and the SQLSTATE stay.
    """
    described: dict[str, Any] = {"type": type(exc).__qualname__, "at": _places(exc)}
    state = getattr(exc, "sqlstate", None)
    if state:
        described["sqlstate"] = state
    elif not isinstance(exc, ValueError | LookupError | HttpProcessingError):
        described["text"] = str(exc)
    if isinstance(exc, BaseExceptionGroup):
        described["parts"] = [describe(part) for part in exc.exceptions]
    if exc.__cause__ is not None:
        described["cause"] = describe(exc.__cause__)
    return described


def _places(exc: BaseException) -> list[str]:
    places, trace = [], exc.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return places[-_FRAMES_MAX:]
