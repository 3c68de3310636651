"""List e-mails for whoever sends them: rendered for one prospect to be sent from elsewhere, or sent to a list from here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from core.consent import refused
from core.templates import TemplateError, scopes
from core.tokens import TokenKey
from core.tracked_mail import Rendered, Tracking, rendered
from services.chassis.json_body import invalid
from services.chassis.postgres import Connection
from services.chassis.problems import FieldError, Problem
from services.chassis.sql_files import load_sql
from services.console.bodies.emails import NewSend, RenderedMail, RenderRequest, Send
from services.console.refusals import not_found, refuse, taken
from services.console.route import Call
from services.console.transactions import Database, Row

SQL: Final = load_sql(Path(__file__).parents[1] / "sql" / "emails.sql")


@dataclass(frozen=True, slots=True)
class Emails:
    """The calls under /api/emails and /api/sends. `public_url` is where ingest is reached from outside."""

    database: Database
    keys: Sequence[TokenKey]
    public_url: str

    async def render(self, call: Call[RenderRequest, None]) -> RenderedMail:
        """Render for one prospect. 409: it must not be written to. 503: no keys are set."""
        if not self.keys:
            raise Problem(503, "no-token-keys", "Links cannot be made", "FA_TOKENS__KEYS is not set")
        body, message_id = call.body, call.body.message_id or str(uuid4())
        async with self.database.transaction() as tx:
            template = await _template(tx, call.path["id"])
            row = await tx.fetchrow(SQL["prospect"], body.prospect_id)
            errors = await _errors_in_list(tx, body.list)
            if row is None:
                raise invalid([FieldError("/prospect_id", "is not the id of a prospect"), *errors])
            refuse(errors)
            to = _recipient(row["prospect"], body)
            tracking = Tracking(
                self.public_url, self.keys, template["id"], str(body.prospect_id), message_id, body.list or ""
            )
            mail = _rendered(template, row, tracking, marketing=body.class_ == "marketing")
            if await tx.fetchval(SQL["keep_mail"], message_id, template["id"], body.prospect_id) is None:
                raise taken("/message_id", "is the id of another mail")
            await tx.execute(
                SQL["keep_links"], [UUID(each) for each in mail.links], template["id"], list(mail.links.values())
            )
        headers = {"Message-ID": f"<{message_id}@{urlsplit(self.public_url).hostname}>"}
        if body.class_ == "marketing":
            headers["List-Unsubscribe"] = f"<{mail.unsubscribe_url}>"
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return RenderedMail(
            message_id=message_id, to=to, subject=mail.subject, html=mail.html, text=mail.text, headers=headers
        )

    async def send(self, call: Call[NewSend, None]) -> Send:
        """Send to a list, from now on."""
        body, id_ = call.body, uuid4()
        async with self.database.transaction() as tx:
            template = await _template(tx, call.path["id"])
            refuse(await _errors_in_list(tx, body.list))
            params = body.model_dump(mode="json", by_alias=True, exclude_none=True) | {"template": template["id"]}
            await tx.execute(SQL["send"], id_, template["id"], body.list, params, self.database.clock.now())
        return await self._send(id_)

    async def read_send(self, call: Call[None, None]) -> Send:
        """Tell how a send stands."""
        try:
            id_ = UUID(call.path["id"])
        except ValueError:
            raise not_found("send") from None
        return await self._send(id_)

    async def _send(self, id_: UUID) -> Send:
        row = await self.database.row(SQL["read_send"], id_)
        if row is None:
            raise not_found("send")
        return Send(**row)


async def _template(tx: Connection, id_: str) -> Row:
    row = await tx.fetchrow(SQL["template"], id_)
    if row is None or row["status"] == "deleted":
        raise not_found("list e-mail with a subject and a part")
    return row


async def _errors_in_list(tx: Connection, list_id: str | None) -> list[FieldError]:
    known = list_id is None or await tx.fetchval(SQL["list_exists"], list_id)
    return [] if known else [FieldError("/list", "is not the id of a list")]


def _recipient(prospect: Mapping[str, Any], body: RenderRequest) -> str:
    """Return who the mail goes to. Raises Problem 409 for whom it must not go to."""
    if not prospect["email"]:
        raise Problem(409, "no-recipient", "The prospect has no e-mail address")
    if refused(body.class_, prospect["consent"], (prospect["lists"] or {}).get(body.list)):
        raise Problem(409, "no-consent", "The prospect must not be sent this mail")
    return str(prospect["email"])


def _rendered(template: Row, row: Row, tracking: Tracking, *, marketing: bool) -> Rendered:
    seen = scopes({**row["prospect"], "id": tracking.prospect_id}, row["owner"], {})
    try:
        return rendered(dict(template), seen, tracking, marketing=marketing)
    except TemplateError as exc:
        raise Problem(409, "not-rendered", "The template cannot be rendered for this prospect", str(exc)) from None
