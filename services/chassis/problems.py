"""Errors of an HTTP API as RFC 9457 problem details: raised anywhere as `Problem`, rendered in one middleware.

What was sent is never echoed: a problem names the place (a JSON pointer, RFC 6901) and the rule. What nobody foresaw is
a 500 without details.
"""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain
from typing import Final

import orjson
import structlog
from aiohttp import web

from services.chassis.errors import RetryableError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

RETRY_AFTER_S: Final = 1.0
HEADERS_MAX_BYTES: Final = 16 * 1024
"""Of all headers of a request together. The parser bounds each one and their number, not their sum."""
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong with a body: where, and which rule it breaks."""

    pointer: str
    detail: str


class Problem(Exception):
    """An answer that says what is wrong. `kind` is a stable slug: `type` is `/problems/<kind>`."""

    def __init__(
        self,
        status: int,
        kind: str,
        title: str,
        detail: str | None = None,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {kind}")
        self.status, self.kind, self.title, self.detail = status, kind, title, detail
        self.errors, self.headers = errors, headers or {}

    def response(self) -> web.Response:
        """Render `application/problem+json`."""
        body: dict[str, object] = {"type": f"/problems/{self.kind}", "title": self.title, "status": self.status}
        if self.detail is not None:
            body["detail"] = self.detail
        if self.errors:
            body["errors"] = [{"pointer": error.pointer, "detail": error.detail} for error in self.errors]
        response = web.Response(
            status=self.status,
            body=orjson.dumps(body),
            content_type="application/problem+json",
            headers={**_HEADERS, **self.headers},
        )
        if self.headers.get("Connection") == "close":
            response.force_close()  # the header alone keeps aiohttp listening
        return response


def unavailable(after_s: float | None = None) -> Problem:
    """Answer 503: try again later, with the same event id or idempotency key."""
    seconds = str(math.ceil(after_s or RETRY_AFTER_S))
    return Problem(503, "unavailable", "Not available now, try again", headers={"Retry-After": seconds})


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error of a handler as a problem. The outermost middleware."""
    try:
        _bound_headers(request)
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except RetryableError as exc:
        return unavailable(exc.after).response()
    except web.HTTPException as exc:
        if exc.status < HTTPStatus.BAD_REQUEST:
            raise  # a redirect
        return _http_problem(exc).response()
    except Exception:  # a bug: the client learns nothing of it
        log.exception("request_failed", method=request.method, route=_route(request))
        return Problem(500, "internal", "Something went wrong on our side").response()


def _bound_headers(request: web.Request) -> None:
    if sum(map(len, chain.from_iterable(request.raw_headers))) > HEADERS_MAX_BYTES:
        closing = {"Connection": "close"}
        raise Problem(
            431, "headers-too-large", "The headers are too large", f"at most {HEADERS_MAX_BYTES} bytes", headers=closing
        )


def _http_problem(exc: web.HTTPException) -> Problem:
    title = HTTPStatus(exc.status).phrase
    kept = {name: value for name in ("Allow", "Retry-After", "Location") if (value := exc.headers.get(name))}
    return Problem(exc.status, title.lower().replace(" ", "-"), title, headers=kept)


def _route(request: web.Request) -> str | None:
    resource = request.match_info.route.resource
    return None if resource is None else resource.canonical
