"""The body of `POST /v1/events`, read: one CloudEvent or a batch, each item within its bounds and of the right form.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md, structured and
batched mode; `application/json` may hold either.
"""

from typing import Any, Final, NamedTuple, TypeVar

import orjson
from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from schemas.interactions import PostedEvent
from services.chassis.json_body import JsonBody, invalid, read_json
from services.chassis.problems import FieldError, Problem
from services.ingest.identity import Named, record_key
from services.ingest.settings import Ingest

T = TypeVar("T")

SINGLE: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
EITHER: Final = "application/json"

_ONE: Final = TypeAdapter(PostedEvent)
_MANY: Final = TypeAdapter(list[PostedEvent])


class Posted(NamedTuple):
    """An item: where it stands in the body, what was understood of it, whom it names, and its `data` as it came."""

    pointer: str
    event: PostedEvent
    data: dict[str, Any]
    key: str | Named | None

    def error(self, path: str, detail: str) -> FieldError:
        """Say what is wrong at a place in this item."""
        return FieldError(self.pointer + path, detail)


async def read_posted(request: web.Request, ingest: Ingest) -> list[Posted]:
    """Return the items of the request's body. Raises Problem 400, 408, 413, 415, or 422 with every broken rule."""
    body = await read_json(request, ingest.body, content_types=(SINGLE, BATCH, EITHER))
    if _is_batch(request.content_type, body):
        return _batch(body, ingest)
    if len(body.raw) > ingest.event_max_bytes:
        raise Problem(413, "too-large", "The event is too large", f"at most {ingest.event_max_bytes} bytes")
    return [_posted("", _parsed(body, _ONE), body.value)]


def _is_batch(content_type: str, body: JsonBody) -> bool:
    many = isinstance(body.value, list)
    if (content_type == SINGLE and many) or (content_type == BATCH and not many):
        raise invalid([FieldError("", "must be an array of events" if content_type == BATCH else "must be one event")])
    return many


def _batch(body: JsonBody, ingest: Ingest) -> list[Posted]:
    if len(body.value) > ingest.batch_max_events:
        raise invalid([FieldError("", f"holds more than {ingest.batch_max_events} events")])
    events = _parsed(body, _MANY)
    if len(body.raw) > ingest.event_max_bytes:
        _check_sizes(body.value, ingest.event_max_bytes)
    return [
        _posted(f"/{index}", event, item) for index, (event, item) in enumerate(zip(events, body.value, strict=True))
    ]


def _check_sizes(items: list[Any], max_bytes: int) -> None:
    large = [index for index, item in enumerate(items) if len(orjson.dumps(item)) > max_bytes]
    if large:
        raise invalid([FieldError(f"/{index}", f"is larger than {max_bytes} bytes") for index in large])


def _parsed(body: JsonBody, kind: TypeAdapter[T]) -> T:
    """Return the body as the type, from its value: quicker than from its bytes, which say what is wrong in JSON's words."""
    try:
        return kind.validate_python(body.value)
    except ValidationError:
        return body.parse(kind)


def _posted(pointer: str, event: PostedEvent, item: dict[str, Any]) -> Posted:
    return Posted(pointer, event, item.get("data") or {}, record_key(event))
