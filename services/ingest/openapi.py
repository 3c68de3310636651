"""OpenAPI 3.1 of ingest: every door, what it takes and what it answers. A test holds it against the application's routes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from schemas.interactions import PostedEvent
from services.ingest.browsers import DURABLE
from services.ingest.form_body import MULTIPART, URLENCODED
from services.ingest.form_guards import NONCE_FIELD
from services.ingest.posted import BATCH, EITHER, SINGLE

_PROBLEM: Final = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_TITLES: Final = {
    400: "Not acceptable",
    401: "No valid API key",
    403: "The key may not do that, or the message is not the service's",
    404: "There is no such thing",
    405: "Another method",
    408: "The body did not arrive in time",
    410: "It was deleted",
    411: "The body's length is missing",
    413: "The body is too large",
    415: "Another content type or encoding",
    416: "There is no such part of the file",
    422: "The body breaks rules; `errors` point at them",
    429: "Too many at a time",
    500: "A submission that is one too many: it was discarded",
    503: "Not available now, try again",
}


@dataclass(frozen=True, slots=True)
class Door:
    """One operation. `answers` are what it says when all is well, `problems` the statuses of problems, or of pages that say the
    same to a browser."""

    method: str
    path: str
    summary: str
    answers: Mapping[int, Mapping[str, Any]]
    problems: Sequence[int]
    body: Mapping[str, Any] | None = None
    security: Sequence[Mapping[str, Sequence[str]]] = ()


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _described(description: str, content: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"description": description, **({"content": dict(content)} if content else {})}


_OBJECT: Final = {"type": "object"}
_ID: Final = {"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$"}
_TOKEN: Final = {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,512}$"}
_ANYWHERE: Final = (400, 404, 405)
_PAGE: Final = {"text/html": {"schema": {"type": "string"}}}
_EVENT: Final = {"$ref": "#/components/schemas/PostedEvent"}
_EVENTS: Final = {"type": "array", "items": _EVENT}
_FORM: Final = {"schema": {"type": "object", "additionalProperties": {"type": "string"}}}
_ACCEPTED: Final = {
    "type": "object",
    "required": ["accepted"],
    "properties": {
        "accepted": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "uid", "actionlistversion"],
                "properties": {
                    "id": {"type": "string"},
                    "uid": {"type": "string", "format": "uuid"},
                    "actionlistversion": {"type": "integer"},
                },
            },
        }
    },
}
_CAME: Final = {
    "type": "object",
    "required": ["records"],
    "properties": {
        "records": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["outcome"],
                "properties": {
                    "outcome": {"enum": ["created", "changed", "unchanged", "ignored"]},
                    "prospect_id": {"type": "string", "format": "uuid"},
                    "why": {"type": "string"},
                    "errors": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
                        },
                    },
                },
            },
        }
    },
}
_KEY: Final = ({"key": ()},)
_WRITE_KEY: Final[Sequence[Mapping[str, Sequence[str]]]] = ({"key": ()}, {"write_key": ()}, {})
_NOTED: Final = f"; the header `{DURABLE}` is the interaction's uid once it is durable"
_SDK: Final = {"content": _json(_OBJECT), "required": True}
_DONE: Final = {200: _described("Taken", _json(_OBJECT))}

DOORS: Final = (
    Door(
        "post",
        "/v1/events",
        "Tell of interactions: one CloudEvent, or a batch",
        {202: _described("Durable", _json(_ACCEPTED))},
        (400, 401, 403, 408, 413, 415, 422, 429, 503),
        {
            "required": True,
            "content": {
                SINGLE: {"schema": _EVENT},
                BATCH: {"schema": _EVENTS},
                EITHER: {"schema": {"anyOf": [_EVENT, _EVENTS]}},
            },
        },
        _KEY,
    ),
    *(
        Door(
            "post",
            f"/v1/{kind}",
            f"Take a `{kind}` of an analytics SDK that speaks Segment's protocol",
            _DONE,
            (400, 401, 403, 408, 415, 429, 503),
            _SDK,
            _WRITE_KEY,
        )
        for kind in ("track", "identify", "page", "screen", "group", "alias", "batch")
    ),
    *(
        Door(
            "post",
            f"/v1/feeds/{service}",
            f"Take what {name} tells of mails",
            {200: _described("Taken, or nothing to do")},
            (400, 403, 404, 408, 413, 415, 422, 503),
            {"required": True, "content": {**_json({}), "text/plain": {"schema": {"type": "string"}}}},
        )
        for service, name in (
            ("ses", "Amazon SES, through SNS,"),
            ("sendgrid", "SendGrid"),
            ("mailgun", "Mailgun"),
            ("postmark", "Postmark"),
        )
    ),
    Door(
        "post",
        "/v1/hooks/{hook_id}",
        "Tell of a CRM's records, read as the hook says",
        {200: _described("What came of each record", _json(_CAME))},
        (400, 401, 403, 404, 408, 413, 415, 422, 429, 503),
        {"required": True, "content": _json({})},
        ({"key": ()}, {"write_key": ()}),
    ),
    Door(
        "post",
        "/s/{form_id}",
        "Submit a form",
        {
            200: _described(f"Received{_NOTED}", _PAGE),
            303: _described(f"Received: the form's own page{_NOTED}"),
        },
        (400, 404, 408, 410, 411, 413, 415, 422, 500, 503),
        {"required": True, "content": {URLENCODED: _FORM, MULTIPART: _FORM}},
    ),
    Door(
        "get",
        "/s/{form_id}/nonce",
        f"Get a nonce for one submission, to be sent as the field `{NONCE_FIELD}`",
        {200: _described("A nonce", _json(_OBJECT))},
        (503,),
    ),
    Door(
        "get",
        "/r/{token}",
        "Follow a redirect link",
        {302: _described(f"Where it leads{_NOTED}")},
        (404, 405, 410, 503),
    ),
    Door(
        "get",
        "/f/{token}",
        "Download a hosted file, or a part of it",
        {
            200: _described(f"The file{_NOTED}", {"*/*": {}}),
            206: _described(f"A part of it{_NOTED}", {"*/*": {}}),
        },
        (404, 405, 410, 416, 429, 503),
    ),
    Door(
        "get",
        "/c/{token}",
        "Follow a link of a mail",
        {302: _described(f"Where it leads{_NOTED}")},
        (404, 405, 410, 503),
    ),
    Door(
        "get",
        "/o/{token}.gif",
        "Get the picture that tells that a mail was opened",
        {200: _described(f"The picture, whatever is wrong{_NOTED}", {"image/gif": {}})},
        (),
    ),
    Door(
        "get",
        "/u/{token}",
        "Ask before unsubscribing: nothing is changed",
        {200: _described("A page with a button", _PAGE)},
        (404, 405, 503),
    ),
    Door(
        "post",
        "/u/{token}",
        "Unsubscribe, as a mail program does by one click (RFC 8058)",
        {200: _described(f"Done, in force now{_NOTED}", _PAGE)},
        (404, 405, 503),
    ),
    Door(
        "get",
        "/confirm/{token}",
        "Ask before a new address is confirmed: nothing is changed",
        {200: _described("A page with a button", _PAGE)},
        (404, 405),
    ),
    Door(
        "post",
        "/confirm/{token}",
        "Confirm a new address: what was submitted with it is accepted",
        {200: _described(f"Done, or nothing waits any more{_NOTED}", _PAGE)},
        (404, 405, 503),
    ),
)


def openapi() -> dict[str, Any]:
    """Describe all doors."""
    schema = PostedEvent.model_json_schema(ref_template="#/components/schemas/{model}")
    components = {**schema.pop("$defs", {}), "PostedEvent": schema, "Problem": _problem_schema()}
    paths: dict[str, dict[str, Any]] = {}
    for door in DOORS:
        paths.setdefault(door.path, {})[door.method] = _operation(door)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Finish Actions ingest", "version": "1", "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key of scope events"},
                "write_key": {"type": "http", "scheme": "basic", "description": "The same, as the user"},
            },
        },
    }


def _operation(door: Door) -> dict[str, Any]:
    name = f"{door.method}_{'_'.join(part.strip('{}.') for part in door.path.replace('}.', '/').split('/') if part)}"
    key = door.path.startswith("/v1/")
    operation: dict[str, Any] = {
        "operationId": name.replace("{", "").replace("}", ""),
        "summary": door.summary,
        "parameters": [
            {"name": part, "in": "path", "required": True, "schema": schema}
            for part, schema in (("form_id", _ID), ("hook_id", _ID), ("token", _TOKEN))
            if f"{{{part}}}" in door.path
        ],
        "responses": {
            **{str(status): dict(answer) for status, answer in door.answers.items()},
            **{
                str(status): {"description": _TITLES[status], "content": _PROBLEM if key else {**_PROBLEM, **_PAGE}}
                for status in sorted({*door.problems, *_ANYWHERE})
            },
        },
        "security": [{name: list(scopes) for name, scopes in each.items()} for each in door.security],
    }
    if door.body is not None:
        operation["requestBody"] = dict(door.body)
    return operation


def _problem_schema() -> dict[str, Any]:
    text = {"type": "string"}
    error = {"type": "object", "required": ["pointer", "detail"], "properties": {"pointer": text, "detail": text}}
    return {
        "type": "object",
        "description": "RFC 9457 problem details. `errors` point into the body (RFC 6901).",
        "required": ["type", "title", "status"],
        "properties": {
            "type": text,
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
            "errors": {"type": "array", "items": error},
        },
    }
