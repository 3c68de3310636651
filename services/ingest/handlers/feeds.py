"""`POST /v1/feeds/{service}`: what a mail service tells of mails. 200 is what makes it stop telling.

A message that is not proven to be the service's changes nothing and fetches nothing. What nobody knows is acknowledged: a
service tells of all its mails, not only of ours.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from aiohttp import web

from services.chassis.clock import Clock
from services.chassis.json_body import read_body
from services.chassis.problems import Problem
from services.ingest import metrics
from services.ingest.feeds.told import Confirmation, Feed, ForeignError, StaleError, UnreadableError
from services.ingest.mail_feedback import MailFeedback
from services.ingest.settings import FeedBody

SOURCE: Final = "finish/feeds/"
_TYPES: Final = ("application/json", "text/plain")  # SNS says that its JSON is text
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Confirming(Protocol):
    """Says yes to a topic."""

    async def confirm(self, confirmation: Confirmation) -> None:
        """Return when the subscription is confirmed. Raises RetryableError."""
        ...


class Feeds:
    """The endpoint, over the feeds that are set up."""

    def __init__(
        self, feeds: Mapping[str, Feed], confirming: Confirming, feedback: MailFeedback, clock: Clock, body: FeedBody
    ) -> None:
        self._feeds, self._confirming, self._feedback = feeds, confirming, feedback
        self._clock, self._body = clock, body

    async def post(self, request: web.Request) -> web.Response:
        """Take what a service tells."""
        name = request.match_info["service"]
        if name not in self._feeds:
            raise Problem(404, "not-found", "There is no such feed", "its keys are not set")
        raw = await read_body(request, self._body, content_types=_TYPES)
        try:
            told = await self._feeds[name].read(request.headers, raw, self._clock.now())
        except ForeignError as exc:
            raise Problem(403, "foreign-message", "The message is not the feed's", str(exc)) from None
        except UnreadableError as exc:
            raise Problem(422, "invalid", "The message is not as it is documented", str(exc)) from None
        except StaleError:
            metrics.FEEDBACK.labels(name, "stale").inc()
            return web.Response(headers=_HEADERS)
        if isinstance(told, Confirmation):
            await self._confirming.confirm(told)
            metrics.FEEDBACK.labels(name, "confirmed").inc()
            return web.Response(headers=_HEADERS)
        for each in told:
            outcome = await self._feedback.accept(f"{SOURCE}{name}", each)
            metrics.FEEDBACK.labels(name, outcome).inc()
        return web.Response(headers=_HEADERS)
