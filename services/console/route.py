"""One call of the API, typed: a route says which body and query it takes and what it answers, for handlers and OpenAPI."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

from services.chassis.api_keys import ApiKey

B = TypeVar("B")
Q = TypeVar("Q")
A = TypeVar("A", bound=BaseModel | None)

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True)
class Call(Generic[B, Q]):
    """What a handler is given: who asks, the names in the path, the parsed query and body, the version in If-Match."""

    key: ApiKey
    path: Mapping[str, str]
    query: Q
    body: B
    if_match: int | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """A body that is no JSON: what it says it is, and its bytes as they come."""

    content_type: str
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Route(Generic[B, Q, A]):
    """`prepare` may complete the body's JSON before it is judged; `query` and `body` are None where there is none. A body of
    the type `Upload` is streamed."""

    method: Method
    path: str
    summary: str
    handler: Callable[[Call[B, Q]], Awaitable[A]]
    answer: type[A]
    body: type[B] | None = None
    query: type[Q] | None = None
    status: int = 200
    guarded: bool = False
    """Whether If-Match is heeded."""
    problems: tuple[int, ...] = ()
    """Further statuses of problems, beside those that every call can meet."""
    prepare: Callable[[Any], Any] | None = None


AnyRoute = Route[Any, Any, Any]
