"""Templates of mails. Each is a list e-mail, too: what its mails set off is that asset's action list."""

from dataclasses import dataclass
from typing import Any

from schemas.commands.email import Sender
from services.chassis.postgres import Connection
from services.console.bodies.templates import ListedTemplate, NewTemplate, ShownTemplate, TemplateChanges, Writer
from services.console.definitions import publish_asset
from services.console.handlers.assets import SQL as ASSETS
from services.console.handlers.assets import definition
from services.console.mail_texts import SQL, keep_template, missing_texts
from services.console.new_ids import new_id
from services.console.paging import Page, PageQuery, cut, decode_cursor, encode_cursor
from services.console.publications import Publications
from services.console.refusals import not_found, refuse, require_version, taken
from services.console.route import Call
from services.console.transactions import Database, Row


@dataclass(frozen=True, slots=True)
class Templates:
    """The calls under /api/templates."""

    database: Database
    publications: Publications

    async def create(self, call: Call[NewTemplate, None]) -> ShownTemplate:
        """Create a template. 409: the id is another asset's."""
        body = call.body
        settings = {name: value for name, value in body.texts().items() if value is not None}
        refuse(missing_texts(settings))
        async with self.database.transaction() as tx:
            id_ = body.id or new_id(body.name)
            asset = await tx.fetchrow(ASSETS["create"], id_, "list_email", body.name, settings)
            if asset is None:
                raise taken("/id", "is the id of another asset")
            await keep_template(tx, id_, settings)
            await tx.execute(SQL["write_from"], id_, _written(body.from_), _written(body.reply_to))
            row = await _read(tx, id_)
            seq = await publish_asset(tx, definition(asset))
        await self.publications.wait([seq])
        return _shown(row)

    async def read(self, call: Call[None, None]) -> ShownTemplate:
        """Read a template."""
        row = await self.database.row(SQL["read"], call.path["id"])
        if row is None:
            raise not_found("template")
        return _shown(row)

    async def page(self, call: Call[None, PageQuery]) -> Page[ListedTemplate]:
        """List the templates, by id."""
        after = decode_cursor(call.query.cursor, str)[0] if call.query.cursor else ""
        rows = await self.database.rows(SQL["page"], after, call.query.limit + 1)
        shown, more = cut(rows, call.query.limit)
        return Page(items=[_listed(row) for row in shown], next=encode_cursor(shown[-1]["id"]) if more else None)

    async def change(self, call: Call[TemplateChanges, None]) -> ShownTemplate:
        """Change a template: mails composed from now on say what it says then."""
        body, given, id_ = call.body, call.body.model_fields_set, call.path["id"]
        async with self.database.transaction() as tx:
            asset = await tx.fetchrow(ASSETS["lock"], id_)
            old = await tx.fetchrow(SQL["read"], id_)
            if asset is None or old is None:
                raise not_found("template")
            require_version(call.if_match, old["version"])
            merged = {**old["settings"], **body.texts()}
            settings = {name: value for name, value in merged.items() if value is not None}
            name = body.name if "name" in given else old["name"]
            asset = await tx.fetchrow(ASSETS["update"], id_, name, old["status"], settings)
            if asset is None:
                raise not_found("template")
            await keep_template(tx, id_, settings)
            sender = _written(body.from_) if "from_" in given else old["sender"]
            reply_to = _written(body.reply_to) if "reply_to" in given else old["reply_to"]
            await tx.execute(SQL["write_from"], id_, sender, reply_to)
            row = await _read(tx, id_)
            seq = await publish_asset(tx, definition(asset))
        await self.publications.wait([seq])
        return _shown(row)


async def _read(tx: Connection, id_: str) -> Row:
    row = await tx.fetchrow(SQL["read"], id_)
    if row is None:
        raise not_found("template")
    return row


def _written(writer: Writer | None) -> Any:
    return writer.model_dump() if isinstance(writer, Sender) else writer


def _listed(row: Row) -> ListedTemplate:
    columns = {name: row[name] for name in ("id", "version", "name", "status", "subject", "reply_to")}
    return ListedTemplate(**columns, from_=row["sender"], created_at=row["created_at"], updated_at=row["updated_at"])


def _shown(row: Row) -> ShownTemplate:
    settings = row["settings"]
    columns = {name: value for name, value in row.items() if name not in {"settings", "sender"}}
    return ShownTemplate(
        **columns, from_=row["sender"], **{name: settings.get(name) for name in ("subject", "html", "text")}
    )
