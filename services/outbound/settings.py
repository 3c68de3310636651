"""What calls of customers' URLs are told: `FA_WEBHOOK__*`."""

from typing import Annotated, Any, Final

import orjson
from pydantic import BeforeValidator, PositiveFloat, PositiveInt
from pydantic_settings import NoDecode

from core.egress import HostPort
from services.chassis.settings import Concern

_PORT_MAX: Final = 65535


def _pairs(given: Any) -> Any:
    if isinstance(given, str):
        given = orjson.loads(given) if given.lstrip().startswith("[") else [item for item in given.split(",") if item]
    return tuple(_pair(item) if isinstance(item, str) else item for item in given)


def _names(given: Any) -> Any:
    return tuple(name.strip() for name in given.split(",") if name.strip()) if isinstance(given, str) else given


def _pair(text: str) -> HostPort:
    host, _, port = text.strip().rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) <= _PORT_MAX:
        raise ValueError("must be host:port")
    return host.strip("[]").lower(), int(port)


class Webhook(Concern):
    """Where webhooks may go besides the public Internet, and how long and how much is listened to."""

    allow: Annotated[tuple[HostPort, ...], NoDecode, BeforeValidator(_pairs)] = ()
    """`host:port`, with commas between or as a JSON array: reached in spite of the guard, and without TLS if so asked."""
    connect_timeout_s: PositiveFloat = 5.0
    total_timeout_s: PositiveFloat = 15.0
    """Of an attempt, from the name's resolution to the answer's end."""
    read_max_bytes: PositiveInt = 64 * 1024
    """A longer answer is a failed attempt."""
    kept_max_bytes: PositiveInt = 4 * 1024
    """So much of an answer is kept."""
    secrets: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_names)] = None
    """The variables that `env:X` may name, with commas between; not given: any that is neither ours nor the system's."""
