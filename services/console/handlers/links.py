"""Links that say who follows them. Nothing is stored: the token in a link's address is all there is of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.tokens import Token, TokenKey, issue
from services.chassis.problems import FieldError, Problem
from services.chassis.sql_files import load_sql
from services.console.bodies.links import Link, NewLink
from services.console.refusals import refuse
from services.console.route import Call
from services.console.transactions import Database, Row

SQL: Final = load_sql(Path(__file__).parents[1] / "sql" / "links.sql")
_KIND: Final = "redirect_link"


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
        refuse(_wrong(await self.database.row(SQL["named"], asset_id, prospect_id)))
        return Link(url=f"{self.public_url}/r/{issue(Token('link', asset_id, str(prospect_id)), self.keys)}")


def _wrong(named: Row | None) -> list[FieldError]:
    if named is None:
        return [FieldError("/asset_id", "is not the id of an asset")]
    errors = []
    if named["kind"] != _KIND:
        errors.append(FieldError("/asset_id", f"is not the id of a {_KIND}"))
    elif named["status"] == "deleted":
        errors.append(FieldError("/asset_id", "is the id of a deleted asset"))
    if not named["prospect_exists"]:
        errors.append(FieldError("/prospect_id", "is not the id of a prospect"))
    return errors
