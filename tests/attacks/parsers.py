"""What reads bytes of strangers, each as a function of bytes that raises nothing but what its callers expect."""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any, Final

import orjson
from pydantic import TypeAdapter, ValidationError

from core.egress import checked
from core.mail_html import MarkupError, prepare_html
from core.mail_text import text_of_html
from core.templates import TemplateError, check_template, render
from core.tokens import TokenError, read_keys, verified
from schemas.interactions import PostedEvent
from services.chassis.client_address import client_address
from services.chassis.problems import Problem
from services.chassis.strict_json import StrictJsonError, decode
from services.console.bodies.assets import WebAddress
from services.ingest.bots import verdict
from services.ingest.feeds import mailgun, postmark, sendgrid, ses
from services.ingest.feeds.sns import Sns
from services.ingest.feeds.told import ForeignError, StaleError, UnreadableError
from services.ingest.form_body import parsed
from services.ingest.identity import Address, record_key
from services.ingest.ranges import NoSuchPartError, part_of
from services.ingest.segment import Ignored, Message, identified, tracked

_EVENT: Final = TypeAdapter(PostedEvent)
_WEB_ADDRESS: Final = TypeAdapter(WebAddress)
_KEYS: Final = read_keys(f"k1:{'o' * 32}")
_PROXIES: Final = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
_NOW: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
_SCOPES: Final = {"prospect": {"email": "ann@example.org", "tags": ["a"]}, "owner": {}, "event": {}}


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _value(raw: bytes) -> Any:
    try:
        return decode(raw, depth_max=32)
    except StrictJsonError:
        return None


def _ended(waiting: Coroutine[Any, Any, Any]) -> None:
    """Run what waits for nothing."""
    with suppress(StopIteration):
        waiting.send(None)


def _json(raw: bytes) -> None:
    if (value := _value(raw)) is not None:
        orjson.dumps(value)


def _event(raw: bytes) -> None:
    with suppress(ValidationError):
        named = record_key(_EVENT.validate_python(_value(raw)))
        if isinstance(named, Address) and named.well_formed:
            named.text.encode("ascii", "backslashreplace")


def _form(raw: bytes) -> None:
    with suppress(Problem):
        for name, values in parsed(raw, fields_max=200).items():
            f"{name}{values}".encode()


def _range(raw: bytes) -> None:
    with suppress(NoSuchPartError):
        part = part_of(1000, raw.decode("latin-1"), None, "x")
        assert part is None or 0 <= part.start < part.start + part.length <= 1000


def _token(raw: bytes) -> None:
    with suppress(TokenError):
        verified(_text(raw), "link", _KEYS)
        raise AssertionError("a token that nobody has given out")


def _forwarded(raw: bytes) -> None:
    client_address("10.0.0.1", raw.decode("latin-1").split("\n"), _PROXIES)


def _agent(raw: bytes) -> None:
    verdict({"User-Agent": raw.decode("latin-1"), "Purpose": raw.decode("latin-1")})


def _postmark(raw: bytes) -> None:
    with suppress(UnreadableError):
        postmark._told(_value(raw))


def _mailgun(raw: bytes) -> None:
    with suppress(UnreadableError):
        mailgun._told(_value(raw))


def _sendgrid(raw: bytes) -> None:
    with suppress(UnreadableError):
        list(sendgrid._told([_value(raw)]))


def _ses(raw: bytes) -> None:
    if isinstance(value := _value(raw), dict):
        with suppress(UnreadableError):
            list(ses._told(value, "id"))


async def _no_certificate(_url: str) -> bytes:
    return b""


def _sns(raw: bytes) -> None:
    sns = Sns(["arn:aws:sns:eu-west-1:123456789012:ses"], _no_certificate, _NOW - _NOW)
    with suppress(UnreadableError, ForeignError, StaleError):
        _ended(ses.Ses(sns).read({}, raw, _NOW))


def _segment(raw: bytes) -> None:
    if isinstance(value := _value(raw), dict):
        with suppress(Ignored):
            tracked(Message("track", value, "segment"), _NOW)
        with suppress(Ignored):
            identified(Message("identify", value, "segment"))


def _template(raw: bytes) -> None:
    text = _text(raw)
    with suppress(TemplateError):
        list(check_template(text, {"email", "tags"}))
        render(text, _SCOPES)


def _html(raw: bytes) -> None:
    text = _text(raw)
    with suppress(MarkupError):
        prepare_html(text)
    with suppress(MarkupError):
        text_of_html(text)


def _address(raw: bytes) -> None:
    with suppress(ValidationError):
        _WEB_ADDRESS.validate_python(_text(raw))
    with suppress(ValueError):
        checked(_text(raw), ())


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "json": _json,
    "event": _event,
    "form": _form,
    "range": _range,
    "token": _token,
    "forwarded": _forwarded,
    "agent": _agent,
    "postmark": _postmark,
    "mailgun": _mailgun,
    "sendgrid": _sendgrid,
    "ses": _ses,
    "sns": _sns,
    "segment": _segment,
    "template": _template,
    "html": _html,
    "address": _address,
}
