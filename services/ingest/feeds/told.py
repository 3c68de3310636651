"""What a feed tells, in our words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, Protocol

Kind = Literal["bounced", "complained", "unsubscribed"]

DETAIL_MAX_LENGTH: Final = 255
_EPOCH_MAX_S: Final = 32_503_680_000  # the year 3000


class ForeignError(Exception):
    """The message is not proven to be the feed's: 403. Its text says in constant words what is missing."""


class UnreadableError(ValueError):
    """The message is the feed's, and not as it is documented: 422. Its text says in constant words what is wrong."""


class StaleError(Exception):
    """The message is proven, and too old to be acted on: it was kept by somebody, and sent again."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one mail. `id` is the feed's own for this; `mails` are ids that we may have given the mail, the surest
    first; `reference` is the service's for it. `hard`: no mail will ever arrive there."""

    id: str
    kind: Kind
    address: str
    at: datetime
    mails: tuple[str, ...] = ()
    reference: str | None = None
    hard: bool = True
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A feed asks whether it may begin: a topic of SNS's, and the token that says yes."""

    topic: str
    token: str


class Feed(Protocol):
    """One mail service's feed."""

    async def read(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> list[Told] | Confirmation:
        """Return what a message tells. Raises ForeignError, StaleError, UnreadableError, or RetryableError where it cannot
        be proven now."""
        ...


def instant(seconds: Any) -> datetime:
    """Return an instant of a count of seconds. Raises UnreadableError."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < _EPOCH_MAX_S:
        raise UnreadableError("a time is no count of seconds")
    return datetime.fromtimestamp(seconds, UTC)


def iso_instant(text: Any) -> datetime:
    """Return an instant as ISO 8601 writes it. Raises UnreadableError."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise UnreadableError("a time is not as ISO 8601 writes it") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def text_at(document: Any, *path: str) -> str | None:
    """Return the text at a path of objects, None where there is none."""
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    return document if isinstance(document, str) and document else None


def required(document: Any, *path: str) -> str:
    """Return the text at a path. Raises UnreadableError, which names the path."""
    found = text_at(document, *path)
    if found is None:
        raise UnreadableError(f"{'.'.join(path)} is missing")
    return found


def own_id(message_id: str | None) -> Iterable[str]:
    """Return what a Message-ID may hold of an id of ours: what stands before its @."""
    local = (message_id or "").strip().strip("<>").partition("@")[0]
    return (local,) if local else ()


def details(**given: Any) -> dict[str, str]:
    """Return what the service says of the reason, as texts of a bounded length."""
    return {
        name: " ".join(str(value).split())[:DETAIL_MAX_LENGTH]
        for name, value in given.items()
        if value not in (None, "")
    }
