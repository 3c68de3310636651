"""`POST /s/{form_id}`: any site's form, without a key; answered when the submission is committed."""

from aiohttp import web

from services.chassis.client_address import client_address
from services.ingest import metrics
from services.ingest.form_body import read_fields
from services.ingest.form_pages import accepted
from services.ingest.settings import Ingest
from services.ingest.submissions import Client, Submissions

_USER_AGENT_MAX_LENGTH = 1024
_URL_MAX_LENGTH = 2048


class Forms:
    """The endpoint. The answer's header `finish-interaction` has the uid."""

    def __init__(self, submissions: Submissions, ingest: Ingest) -> None:
        self._submissions, self._ingest = submissions, ingest

    async def post(self, request: web.Request) -> web.Response:
        """Accept one submission."""
        fields = await read_fields(request, self._ingest)
        with metrics.FORM_SECONDS.time():
            interaction, form = await self._submissions.accept(
                request.match_info["form_id"], fields, self._client(request)
            )
        return accepted(form, interaction.document["uid"])

    def _client(self, request: web.Request) -> Client:
        forwarded = request.headers.getall("X-Forwarded-For", ())
        return Client(
            ip=client_address(request.remote, forwarded, self._ingest.trusted_proxies),
            user_agent=_text(request.headers.get("User-Agent"), _USER_AGENT_MAX_LENGTH),
            url=_text(request.headers.get("Referer"), _URL_MAX_LENGTH),
        )


def _text(header: str | None, max_length: int) -> str | None:
    """Return a header as Unicode: what was no UTF-8 came as lone surrogates, which no JSON holds."""
    if not header:
        return None
    return header.encode("utf-8", "surrogateescape").decode("utf-8", "replace")[:max_length]
