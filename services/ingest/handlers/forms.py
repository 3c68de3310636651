"""`POST /s/{form_id}`: any site's form, without a key; answered when the submission is committed."""

from aiohttp import web

from services.chassis.client_address import client_address
from services.ingest import metrics
from services.ingest.browsers import URL_MAX_LENGTH, USER_AGENT_MAX_LENGTH, header_text
from services.ingest.form_body import read_fields
from services.ingest.form_pages import accepted
from services.ingest.settings import Ingest
from services.ingest.submissions import Client, Submissions


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
            user_agent=header_text(request.headers.get("User-Agent"), USER_AGENT_MAX_LENGTH),
            url=header_text(request.headers.get("Referer"), URL_MAX_LENGTH),
        )
