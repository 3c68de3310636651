"""`POST /s/{form_id}`: any site's form, without a key; answered when the submission is committed. `GET /s/{form_id}/nonce` gives
a page that shows the form what stands for one submission of it.

Who asks for a page is shown what is wrong as one, others are told as a problem.
"""

from aiohttp import hdrs, web

from services.chassis.client_address import client_address
from services.chassis.problems import Problem
from services.ingest import metrics
from services.ingest.browsers import ANSWER_HEADERS, URL_MAX_LENGTH, USER_AGENT_MAX_LENGTH, header_text
from services.ingest.form_body import read_fields
from services.ingest.form_guards import NONCE_FIELD, NONCE_VALID, new_nonce
from services.ingest.form_pages import accepted, refused
from services.ingest.settings import Ingest
from services.ingest.submissions import Client, Submissions


class Forms:
    """The endpoint. The answer's header `finish-interaction` has the uid."""

    def __init__(self, submissions: Submissions, ingest: Ingest) -> None:
        self._submissions, self._ingest = submissions, ingest

    async def post(self, request: web.Request) -> web.Response:
        """Accept one submission."""
        try:
            return await self._posted(request)
        except Problem as problem:
            if "text/html" not in request.headers.get(hdrs.ACCEPT, ""):
                raise
            metrics.REFUSED.labels(problem.kind).inc()
            return refused(problem)

    async def _posted(self, request: web.Request) -> web.Response:
        fields = await read_fields(request, self._ingest)
        with metrics.FORM_SECONDS.time():
            uid, form = await self._submissions.accept(request.match_info["form_id"], fields, self._client(request))
        return accepted(form, uid)

    async def nonce(self, request: web.Request) -> web.Response:
        """Give a nonce, to a page of any site. It asks no database: whether there is such a form shows at its submission."""
        keys, now = self._submissions.keys, self._submissions.clock.now()
        nonce = new_nonce(request.match_info["form_id"], keys, now)
        body = {"field": NONCE_FIELD, "nonce": nonce, "expires_in": int(NONCE_VALID.total_seconds())}
        return web.json_response(body, headers={**ANSWER_HEADERS, "Access-Control-Allow-Origin": "*"})

    def _client(self, request: web.Request) -> Client:
        forwarded = request.headers.getall("X-Forwarded-For", ())
        return Client(
            ip=client_address(request.remote, forwarded, self._ingest.trusted_proxies),
            user_agent=header_text(request.headers.get("User-Agent"), USER_AGENT_MAX_LENGTH),
            url=header_text(request.headers.get("Referer"), URL_MAX_LENGTH),
        )
