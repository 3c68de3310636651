"""Links that say who follows them. Nothing is stored: the token in a link's address is all there is of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from core.tokens import Token, TokenKey, TokenKind, issue
from schemas.identity import mail_link_id
from services.chassis.problems import FieldError, Problem
from services.chassis.sql_files import load_sql
from services.console.bodies.links import Link, NewLink
from services.console.refusals import refuse
from services.console.route import Call
from services.console.transactions import Database, Row

SQL: Final = load_sql(Path(__file__).parents[1] / "sql" / "links.sql")
_MAIL: Final = "list_email"
_TRIGGERS: Final = {
    "redirect_link": ("clicked",),
    "hosted_file": ("downloaded",),
    _MAIL: ("clicked", "opened", "unsubscribed"),
}
"""What there are links of; the first is meant where none is named."""
_NO_MESSAGE: Final = ""
_ALL_MAIL: Final = ""


@dataclass(frozen=True, slots=True)
class Links:
    """The call under /api/links. `public_url` is where ingest is reached from outside."""

    database: Database
    keys: Sequence[TokenKey]
    public_url: str

    async def create(self, call: Call[NewLink, None]) -> Link:
        """Make a link. 503: no keys are set."""
        if not self.keys:
            raise Problem(503, "no-token-keys", "Links cannot be made", "FA_TOKENS__KEYS is not set")
        asset_id, prospect_id = call.body.asset_id, call.body.prospect_id
        named = await self.database.row(SQL["named"], asset_id, prospect_id)
        refuse(_wrong(named, call.body))
        match named and named["kind"]:
            case "list_email":
                return Link(url=await self._of_mail(call.body))
            case "hosted_file":
                return Link(url=f"{self.public_url}/f/{issue(Token('file', asset_id, str(prospect_id)), self.keys)}")
            case _:
                return Link(url=f"{self.public_url}/r/{issue(Token('link', asset_id, str(prospect_id)), self.keys)}")

    async def _of_mail(self, body: NewLink) -> str:
        """Return an address as a mail has it, of no mail that was sent from here."""

        def token(kind: TokenKind, *more: str) -> str:
            return issue(Token(kind, body.asset_id, str(body.prospect_id), (_NO_MESSAGE, *more)), self.keys)

        if body.trigger == "opened":
            return f"{self.public_url}/o/{token('open')}.gif"
        if body.trigger == "unsubscribed":
            return f"{self.public_url}/u/{token('unsubscribe', _ALL_MAIL)}"
        url = str(body.url)
        link_id = mail_link_id(body.asset_id, url)
        await self.database.row(SQL["keep"], UUID(link_id), body.asset_id, url)
        return f"{self.public_url}/c/{token('click', link_id)}"


def _wrong(named: Row | None, body: NewLink) -> list[FieldError]:
    if named is None:
        return [FieldError("/asset_id", "is not the id of an asset")]
    errors = []
    triggers = _TRIGGERS.get(named["kind"])
    if triggers is None:
        errors.append(FieldError("/asset_id", f"is the id of no {', '.join(_TRIGGERS)}"))
    elif named["status"] == "deleted":
        errors.append(FieldError("/asset_id", "is the id of a deleted asset"))
    if not named["prospect_exists"]:
        errors.append(FieldError("/prospect_id", "is not the id of a prospect"))
    if triggers is None:
        return errors
    trigger = body.trigger or triggers[0]
    if trigger not in triggers:
        errors.append(FieldError("/trigger", f"of a {named['kind']} is {' or '.join(triggers)}"))
    wants_url = named["kind"] == _MAIL and trigger == "clicked"
    if wants_url != (body.url is not None):
        errors.append(FieldError("/url", "goes with a click in a mail" if body.url else "is where the click leads"))
    return errors
