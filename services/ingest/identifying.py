"""Identifying: whom an id, an address or a browser's mark belongs to, and the traits that are told along, in one transaction.

An id of another system says more than an address. Two people are never made one: an id or an address that is another's stays
that one's. A mark of a browser belongs to whom it was bound to last; what it did before stays nobody's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID, uuid4

from core.form_mapping import values_of
from schemas.field_catalogue import BUILT_IN, Field
from services.chassis.api_keys import ApiKey
from services.chassis.clock import Clock
from services.chassis.failpoints import failpoint
from services.chassis.postgres import Connection, Pool
from services.ingest import metrics
from services.ingest.consents import UNSUBSCRIBED, bring_in
from services.ingest.identity import Address
from services.ingest.prospects import IDENTITIES as SQL
from services.ingest.segment import Ignored
from services.ingest.traits import Traits
from services.ingest.transactions import name_writer, transaction


class Brought(NamedTuple):
    """What came of it, whose record it is, and why values did not fit, by their fields."""

    outcome: Literal["created", "changed", "unchanged"]
    prospect_id: UUID
    unfit: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Identifying:
    """The steps, over what they need. Raises RetryableError when it is unknown what is durable."""

    pool: Pool
    clock: Clock
    timeout_s: float

    async def accept(self, source: str, traits: Traits, key: ApiKey) -> Brought:
        """Bring what is told into the record, made if the key may. Raises Ignored where there is none, and may be none."""
        async with transaction(self.pool, timeout_s=self.timeout_s) as connection:
            now = self.clock.now()
            await name_writer(connection, f"ingest:{source}", now)
            row = await _known(connection, traits)
            values, unfit = await _values(connection, traits)
            made = changed = False
            if row is None:
                if not key.may_create:
                    raise Ignored("person")
                made, row = await _made(connection, traits, values)
            if not made:
                changed = await _changed(connection, row, traits, values)
            failpoint("ingest.after-identified")
            await _bind(connection, row["id"], traits, now)
            if traits.opted_out:
                changed |= await bring_in(connection, row["id"], UNSUBSCRIBED, {})
            return Brought("created" if made else "changed" if changed else "unchanged", row["id"], unfit)


async def _known(connection: Connection, traits: Traits) -> Any:
    """Return the record, locked, by the id or else by the address."""
    if traits.external is not None:
        row = await connection.fetchrow(SQL["lock_identity"], traits.external.kind, traits.external.text)
        if row is not None:
            return row
    return None if traits.address is None else await connection.fetchrow(SQL["lock_address"], traits.address.text)


async def _made(connection: Connection, traits: Traits, values: Mapping[str, Any]) -> tuple[bool, Any]:
    """Return the record, and whether it was made here."""
    address = None if traits.address is None else traits.address.text
    row = await connection.fetchrow(SQL["create"], uuid4(), address, dict(values))
    if row is None:  # somebody was faster
        return False, await connection.fetchrow(SQL["lock_address"], address)
    metrics.CREATED.inc()
    return True, row


async def _changed(connection: Connection, row: Any, traits: Traits, values: Mapping[str, Any]) -> bool:
    """Change what differs, and tell whether anything does; an address only where there is none, and it is nobody's."""
    changed = {name: value for name, value in values.items() if row["fields"].get(name) != value}
    cleared = sorted(traits.cleared & row["fields"].keys())
    address: Address | None = traits.address if row["email"] is None else None
    if address is not None and await connection.fetchval(SQL["address_taken"], address.text):
        address = None
    if not changed and not cleared and address is None:
        return False
    await connection.execute(SQL["change"], row["id"], changed, None if address is None else address.text, cleared)
    return True


async def _bind(connection: Connection, prospect_id: UUID, traits: Traits, now: datetime) -> None:
    """Bind the id, if it is nobody's, and the browser's mark, whoever's it was."""
    if traits.external is not None:
        await connection.execute(SQL["bind_external"], traits.external.text, prospect_id, now)
    if traits.anonymous is not None:
        await connection.execute(SQL["bind_anonymous"], traits.anonymous.text, prospect_id, now)


async def _values(connection: Connection, traits: Traits) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the traits that are fields of the catalogue and fit their types, and why others of its fields do not."""
    catalogue = {field.name: field for field in BUILT_IN if field.name in traits.texts}
    for row in await connection.fetch(SQL["own_fields"], list(traits.texts)):
        catalogue[row["name"]] = Field(**{**row, "options": tuple(row["options"])})
    values, findings = values_of(traits.texts, {name: name for name in catalogue}, catalogue)
    return values, {pointer.removeprefix("/"): why for pointer, why in findings}
