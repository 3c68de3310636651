"""Identifying: whom an id, an address or a browser's mark belongs to, and the traits that are told along, in one transaction.

An id of another system says more than an address. Two people are never made one: an id or an address that is another's stays
that one's. A mark of a browser belongs to whom it was bound to last; what it did before stays nobody's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from core.form_mapping import values_of
from schemas.field_catalogue import BUILT_IN, Field
from services.chassis.api_keys import ApiKey
from services.chassis.clock import Clock
from services.chassis.failpoints import failpoint
from services.chassis.postgres import Connection, Pool
from services.ingest import metrics
from services.ingest.identity import Address
from services.ingest.prospects import IDENTITIES as SQL
from services.ingest.segment import Ignored, Traits
from services.ingest.transactions import name_writer, transaction


@dataclass(frozen=True, slots=True)
class Identifying:
    """The steps, over what they need. Raises RetryableError when it is unknown what is durable."""

    pool: Pool
    clock: Clock
    timeout_s: float

    async def accept(self, source: str, traits: Traits, key: ApiKey) -> None:
        """Bring what is told into the record, made if the key may. Raises Ignored where there is none, and may be none."""
        async with transaction(self.pool, timeout_s=self.timeout_s) as connection:
            now = self.clock.now()
            await name_writer(connection, f"ingest:{source}", now)
            row = await _known(connection, traits)
            if row is None:
                if not key.may_create:
                    raise Ignored("person")
                row = await _made(connection, traits, await _values(connection, traits))
            else:
                await _changed(connection, row, traits, await _values(connection, traits))
            failpoint("ingest.after-identified")
            await _bind(connection, row["id"], traits, now)


async def _known(connection: Connection, traits: Traits) -> Any:
    """Return the record, locked, by the id or else by the address."""
    if traits.external is not None:
        row = await connection.fetchrow(SQL["lock_identity"], traits.external.kind, traits.external.text)
        if row is not None:
            return row
    return None if traits.address is None else await connection.fetchrow(SQL["lock_address"], traits.address.text)


async def _made(connection: Connection, traits: Traits, values: Mapping[str, Any]) -> Any:
    address = None if traits.address is None else traits.address.text
    row = await connection.fetchrow(SQL["create"], uuid4(), address, dict(values))
    if row is None:  # somebody was faster
        return await connection.fetchrow(SQL["lock_address"], address)
    metrics.CREATED.inc()
    return row


async def _changed(connection: Connection, row: Any, traits: Traits, values: Mapping[str, Any]) -> None:
    """Change what differs; an address only where there is none, and it is nobody's."""
    changed = {name: value for name, value in values.items() if row["fields"].get(name) != value}
    address: Address | None = traits.address if row["email"] is None else None
    if address is not None and await connection.fetchval(SQL["address_taken"], address.text):
        address = None
    if changed or address is not None:
        await connection.execute(SQL["change"], row["id"], changed, None if address is None else address.text)


async def _bind(connection: Connection, prospect_id: UUID, traits: Traits, now: datetime) -> None:
    """Bind the id, if it is nobody's, and the browser's mark, whoever's it was."""
    if traits.external is not None:
        await connection.execute(SQL["bind_external"], traits.external.text, prospect_id, now)
    if traits.anonymous is not None:
        await connection.execute(SQL["bind_anonymous"], traits.anonymous.text, prospect_id, now)


async def _values(connection: Connection, traits: Traits) -> dict[str, Any]:
    """Return the traits that are fields of the catalogue and fit their types; the others are passed over."""
    catalogue = {field.name: field for field in BUILT_IN if field.name in traits.texts}
    for row in await connection.fetch(SQL["own_fields"], list(traits.texts)):
        catalogue[row["name"]] = Field(**{**row, "options": tuple(row["options"])})
    values, _ = values_of(traits.texts, {name: name for name in catalogue}, catalogue)
    return values
