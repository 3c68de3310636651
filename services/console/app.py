"""The HTTP application: every call measured, authorised, parsed, answered as JSON, and its errors as problems."""

import re
from collections.abc import Sequence
from typing import Any, Final

import orjson
from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from services.chassis.api_keys import ApiKey, ApiKeys
from services.chassis.field_errors import field_errors
from services.chassis.json_body import JsonBody, read_json
from services.chassis.problems import Handler, Problem, problems
from services.console.measured import measured
from services.console.openapi import openapi
from services.console.refusals import not_found
from services.console.route import AnyRoute, Call, Upload
from services.console.settings import Console
from services.console.uploads import upload

_PREFIX: Final = "/api"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}").fullmatch
_ETAG: Final = re.compile(r'(?:W/)?"?(\d{1,10})"?').fullmatch
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_KEY: Final[web.RequestKey[ApiKey]] = web.RequestKey("key", ApiKey)


def application(routes: Sequence[AnyRoute], keys: ApiKeys, console: Console) -> web.Application:
    """Serve the routes under /api to holders of an `admin` key, and their description to everybody."""
    app = web.Application(middlewares=[measured, problems, _authorised(keys)])
    for route in routes:
        app.router.add_route(route.method, route.path, _served(route, console))
    description = orjson.dumps(openapi(routes))

    async def described(_request: web.Request) -> web.Response:
        return web.Response(body=description, content_type="application/json", headers=_HEADERS)

    app.router.add_get("/openapi.json", described)
    return app


def _authorised(keys: ApiKeys) -> Any:
    @web.middleware
    async def authorised(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(_PREFIX):
            request[_KEY] = await keys.verify(request.headers.get("Authorization"), "admin")
        return await handler(request)

    return authorised


def _served(route: AnyRoute, console: Console) -> Handler:
    uploads = route.body is Upload
    body: TypeAdapter[Any] | None = TypeAdapter(route.body) if route.body and not uploads else None

    async def read(request: web.Request) -> Any:
        if uploads:
            return upload(request, console.files)
        return await _body(request, route, body, console) if body else None

    async def serve(request: web.Request) -> web.Response:
        call: Call[Any, Any] = Call(
            key=request[_KEY],
            path=_path(request),
            query=_query(request, route),
            body=await read(request),
            if_match=_if_match(request) if route.guarded else None,
        )
        return _answer(route, await route.handler(call))

    return serve


def _path(request: web.Request) -> dict[str, str]:
    """Return the names in the path. What cannot be an id names nothing."""
    if not all(map(_PLAIN, request.match_info.values())):
        raise not_found("resource")
    return dict(request.match_info)


def _query(request: web.Request, route: AnyRoute) -> Any:
    if route.query is None:
        if request.query:
            raise Problem(400, "bad-query", "The query is not acceptable", "this call takes no parameters")
        return None
    given = dict(request.query)
    try:
        if len(given) != len(request.query):
            raise Problem(400, "bad-query", "The query is not acceptable", "a parameter stands twice")
        return route.query.model_validate(given)
    except ValidationError as exc:
        raise Problem(400, "bad-query", "The query is not acceptable", errors=field_errors(exc, given)) from None


async def _body(request: web.Request, route: AnyRoute, kind: TypeAdapter[Any], console: Console) -> Any:
    body = await read_json(request, console.body)
    if route.prepare is not None:
        prepared = route.prepare(body.value)
        body = JsonBody(orjson.dumps(prepared), prepared)
    return body.parse(kind)


def _if_match(request: web.Request) -> int | None:
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    match = _ETAG(header.strip())
    if match is None:
        raise Problem(400, "bad-if-match", "If-Match is not a version", 'such as "3"')
    return int(match[1])


def _answer(route: AnyRoute, answer: Any) -> web.Response:
    if answer is None:
        return web.Response(status=route.status, headers=_HEADERS)
    version = getattr(answer, "version", None)
    headers = _HEADERS if version is None else {**_HEADERS, "ETag": f'"{version}"'}
    return web.Response(
        status=route.status,
        body=answer.model_dump_json(by_alias=True).encode(),
        content_type="application/json",
        headers=headers,
    )
