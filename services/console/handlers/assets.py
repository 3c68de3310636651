"""Assets: created, read, renamed, archived; each change is answered when its definition is in the log."""

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from core.form_mapping import EMAIL, pointer_to
from schemas.assets import Asset
from schemas.triggers import AssetKind
from services.chassis.postgres import Connection
from services.chassis.problems import FieldError, Problem
from services.chassis.sql_files import load_sql
from services.console.bodies.assets import PUBLISHED, SETTINGS_OF, AssetChanges, FormSnippet, NewAsset, ShownAsset
from services.console.catalogue import read_catalogue
from services.console.definitions import publish_asset
from services.console.form_snippet import snippet
from services.console.mail_texts import keep_template
from services.console.new_ids import new_id
from services.console.paging import Page, PageQuery, cut, decode_cursor, encode_cursor
from services.console.publications import Publications
from services.console.refusals import not_found, refuse, taken
from services.console.route import Call
from services.console.transactions import Database, Row

SQL: Final = load_sql(Path(__file__).parents[1] / "sql" / "assets.sql")


class AssetQuery(PageQuery):
    """A page of the assets, of one kind or status if wanted."""

    kind: AssetKind | None = None
    status: Literal["active", "archived", "deleted"] | None = None


@dataclass(frozen=True, slots=True)
class Assets:
    """The calls under /api/assets."""

    database: Database
    publications: Publications
    public_url: str = ""

    async def create(self, call: Call[NewAsset, None]) -> ShownAsset:
        """Create an asset. 409: the id is another one's."""
        body = call.body
        async with self.database.transaction() as tx:
            settings = await _checked(tx, body.kind, {}, body.settings())
            row = await tx.fetchrow(SQL["create"], body.id or new_id(body.name), body.kind, body.name, settings)
            if row is None:
                raise taken("/id", "is the id of another asset")
            if body.kind == "list_email":
                await keep_template(tx, row["id"], settings)
            seq = await publish_asset(tx, definition(row))
        await self.publications.wait([seq])
        return shown(row)

    async def read(self, call: Call[None, None]) -> ShownAsset:
        """Read an asset."""
        row = await self.database.row(SQL["read"], call.path["id"])
        if row is None:
            raise not_found("asset")
        return shown(row)

    async def snippet(self, call: Call[None, None]) -> FormSnippet:
        """Return a form's HTML. 409: the asset is no form."""
        row = await self.database.row(SQL["read"], call.path["id"])
        if row is None:
            raise not_found("asset")
        if row["kind"] != "form":
            raise Problem(409, "not-a-form", "The asset is no form")
        async with self.database.transaction() as tx:
            labels = {name: field.label for name, field in (await read_catalogue(tx)).items()}
        return FormSnippet(html=snippet(row["id"], row["settings"], labels, self.public_url))

    async def page(self, call: Call[None, AssetQuery]) -> Page[ShownAsset]:
        """List the assets, by id."""
        query = call.query
        after = decode_cursor(query.cursor, str)[0] if query.cursor else ""
        rows = await self.database.rows(SQL["page"], after, query.kind, query.status, query.limit + 1)
        found, more = cut(rows, query.limit)
        return Page(items=[shown(row) for row in found], next=encode_cursor(found[-1]["id"]) if more else None)

    async def change(self, call: Call[AssetChanges, None]) -> ShownAsset:
        """Change an asset's name, status or settings; an archived one still fires."""
        body, given = call.body, call.body.model_fields_set
        async with self.database.transaction() as tx:
            old = await tx.fetchrow(SQL["lock"], call.path["id"])
            if old is None:
                raise not_found("asset")
            settings = await _checked(tx, old["kind"], old["settings"], body.settings())
            name = body.name if "name" in given else old["name"]
            status = body.status if "status" in given else old["status"]
            row = await tx.fetchrow(SQL["update"], old["id"], name, status, settings)
            if row is None:
                raise not_found("asset")
            if old["kind"] == "list_email" and body.settings():
                await keep_template(tx, old["id"], settings)
            seq = await publish_asset(tx, definition(row))
        await self.publications.wait([seq])
        return shown(row)


async def _checked(tx: Connection, kind: str, old: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the old settings with the given ones. Raises Problem 422 for what does not go with the kind."""
    foreign = [
        FieldError(f"/{name}", f"does not go with kind {kind}") for name in given if name not in SETTINGS_OF[kind]
    ]
    refuse(foreign)
    settings = {name: value for name, value in {**old, **given}.items() if value is not None}
    if kind == "redirect_link" and "target_url" not in settings:
        refuse([FieldError("/target_url", "is required for a redirect_link")])
    if given.get("mapping"):
        refuse(_errors_in_mapping(given["mapping"], {EMAIL, *await read_catalogue(tx)}))
    return settings


def _errors_in_mapping(mapping: Mapping[str, str], writable: Container[str]) -> list[FieldError]:
    """Return what is wrong: score, owner, tags and lists are no fields, and which of two fields would win is unknowable."""
    taken_by = Counter(mapping.values())
    return [
        FieldError(
            f"/mapping{pointer_to(name)}",
            "is what another field is mapped to, too" if target in writable else "is not a field of the catalogue",
        )
        for name, target in mapping.items()
        if target not in writable or taken_by[target] > 1
    ]


def definition(row: Row) -> Asset:
    """Return an asset as ingest is told of it."""
    settings = {name: value for name, value in row["settings"].items() if name in PUBLISHED}
    return Asset(id=row["id"], kind=row["kind"], name=row["name"], status=row["status"], settings=settings)


def shown(row: Row) -> ShownAsset:
    """Return an asset as the API shows it."""
    columns = {name: row[name] for name in ("id", "kind", "name", "status", "created_at")}
    return ShownAsset(**columns, **row["settings"])
