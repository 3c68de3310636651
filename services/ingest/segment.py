"""Messages of analytics SDKs as Segment specified them, and the interactions that they are here.

A `track` is an interaction with the asset that its property `asset_id` names, of the type that its event's name stands for; what
says neither is acknowledged and counted, for an SDK sends whatever a site does.

Source: https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/ and .../spec/common/, .../spec/email/
"""

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple

import orjson
from aiohttp import hdrs, web
from pydantic import TypeAdapter, ValidationError

from schemas.interactions import PostedEvent
from schemas.triggers import TRIGGERS
from services.chassis.json_body import read_json
from services.chassis.problems import Problem
from services.ingest.identity import Address, Identifier, record_key
from services.ingest.posted import Posted
from services.ingest.settings import Segment
from services.ingest.traits import Traits, address_in, identifier, texts_in

SOURCE: Final = "segment"
Why = Literal["type", "event", "asset", "person", "form", "identify"]
"""Why a message is nothing here."""

_EVENT: Final = TypeAdapter(PostedEvent)
_NAMES: Final = {
    "link clicked": "redirect_link.clicked",
    "file downloaded": "hosted_file.downloaded",
    "form submitted": "form.submitted",
    "email opened": "list_email.opened",
    "email link clicked": "list_email.clicked",
    "unsubscribed": "list_email.unsubscribed",
    "email bounced": "list_email.bounced",
    "email marked as spam": "list_email.complained",
    **{f"{kind}.{trigger}": f"{kind}.{trigger}" for kind, triggers in TRIGGERS.items() for trigger in triggers},
}
"""Names of events, without case, by what they are here: those of the specification and our own."""
_SNAKE: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_CONTENT_TYPES: Final = ("application/json", "text/plain")  # a browser's beacon says that it is text


class Message(NamedTuple):
    """One message. `source` is whose it is."""

    kind: str
    document: Mapping[str, Any]
    source: str


class Ignored(Exception):
    """The message is nothing here."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why: Why = why


async def read_messages(request: web.Request, kind: str, limits: Segment) -> tuple[list[Message], str | None]:
    """Return a request's messages and the write key in its body. Raises Problem 400, 408, 413 or 415."""
    body = await read_json(request, limits.body, content_types=_CONTENT_TYPES)
    document = body.value
    if not isinstance(document, dict):
        raise Problem(400, "malformed-message", "The body is no message", "it must be an object")
    write_key = document.get("writeKey")
    if kind != "batch":
        return [Message(kind, document, SOURCE)], write_key if isinstance(write_key, str) else None
    batch = document.get("batch")
    if not isinstance(batch, list) or not all(isinstance(each, dict) for each in batch):
        raise Problem(400, "malformed-message", "The body is no batch", "batch must be an array of objects")
    if len(batch) > limits.batch_max_messages:
        detail = f"batch has at most {limits.batch_max_messages} messages"
        raise Problem(400, "malformed-message", "The batch is too large", detail)
    if any(len(orjson.dumps(each)) > limits.message_max_bytes for each in batch):
        detail = f"a message has at most {limits.message_max_bytes} bytes"
        raise Problem(400, "malformed-message", "A message is too large", detail)
    shared = document.get("context")
    common = {"context": shared} if isinstance(shared, dict) else {}
    messages = [Message(str(each.get("type")), {**common, **each}, SOURCE) for each in batch]
    return messages, write_key if isinstance(write_key, str) else None


def authorization(request: web.Request, write_key: str | None) -> str | None:
    """Return the header that a key of ours would come in: here it is the user of Basic, or in the body."""
    header = request.headers.get(hdrs.AUTHORIZATION)
    if header is None:
        return None if write_key is None else f"Bearer {write_key}"
    scheme, _, given = header.partition(" ")
    if scheme.lower() != "basic":
        return header
    try:
        user = b64decode(given, validate=True).decode().partition(":")[0]
    except ValueError:
        return header
    return f"Bearer {user}"


def tracked(message: Message, now: datetime) -> Posted:
    """Return the event that a `track` is. Raises Ignored."""
    document = message.document
    properties = _object(document, "properties")
    type_ = _NAMES.get(str(document.get("event", "")).strip().lower())
    if type_ is None:
        raise Ignored("event")
    asset_id = properties.get("asset_id", properties.get("assetId"))
    if not isinstance(asset_id, str):
        raise Ignored("asset")
    external, anonymous, address = _person(document)
    context = _object(document, "context")
    page = _object(context, "page")
    data = {
        "ip": context.get("ip"),
        "user_agent": context.get("userAgent"),
        "url": properties.get("url") or page.get("url"),
        "message_id": properties.get("message_id"),
        "email": address.text if address is not None and external is None else None,
        "form": properties.get("form"),
        **{
            name: value
            for name, value in properties.items()
            if name not in {"asset_id", "assetId", "url", "form", "ip", "user_agent", "email", "message_id", "bot"}
        },
    }
    event = {
        "specversion": "1.0",
        "id": document.get("messageId"),
        "source": message.source,
        "type": type_,
        "subject": asset_id,
        "time": _time(document, now).isoformat(),
        "externalid": external.text if external else None,
        "anonymousid": anonymous.text if anonymous else None,
        "data": {name: value for name, value in data.items() if value is not None},
    }
    raw = orjson.dumps({name: value for name, value in event.items() if value is not None})
    try:
        posted = _EVENT.validate_json(raw)
    except ValidationError:
        raise Ignored("form") from None
    return Posted("", posted, orjson.loads(raw)["data"], record_key(posted))


def identified(message: Message) -> Traits:
    """Return what an `identify` says. Raises Ignored where it says nothing of anybody."""
    external, anonymous, address = _person(message.document)
    if external is None and address is None:
        raise Ignored("person")
    texts = dict(_texts(_object(message.document, "traits")))
    return Traits(external, anonymous, address, texts)


def _person(document: Mapping[str, Any]) -> tuple[Identifier | None, Identifier | None, Address | None]:
    external = identifier(document.get("userId"), "external")
    anonymous = identifier(document.get("anonymousId"), "anonymous")
    for part in (_object(document, "traits"), _object(document, "context", "traits"), _object(document, "properties")):
        if (address := address_in(part.get("email"))) is not None:
            return external, anonymous, address
    return external, anonymous, None


def _object(document: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    found: Any = document
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _texts(traits: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, list[str]]]:
    """Yield traits by the names that fields have: `firstName` is `first_name`, `company.name` is `company`, the rest of what
    stands within another one goes by its own name."""
    for name, value in traits.items():
        plain = within if within and name == "name" else _SNAKE.sub("_", name).lower()
        if isinstance(value, dict) and not within:
            yield from _texts(value, plain)
        elif (texts := texts_in(value)) is not None:
            yield plain, texts


def _time(document: Mapping[str, Any], now: datetime) -> datetime:
    """Return when it happened by the server's clock: what the client's clock says, less by how much that was off."""
    try:
        at = _instant(document["timestamp"])
    except (KeyError, TypeError, ValueError):
        return now
    try:
        return at + (now - _instant(document["sentAt"]))
    except (KeyError, TypeError, ValueError, OverflowError):
        return at


def _instant(text: Any) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
