"""What happens to a submitted form, from its mapping to durable, in one place and in one transaction.

What breaks a rule is refused before it is counted: it is no submission. What is counted and one too many leaves nothing but
its place in the window. The rest changes the record, if it is to change, and puts the interaction into the outbox behind it;
or, where the form wants new addresses confirmed, is held until that is done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from core.form_mapping import Fields, email_of, event_form, pointer_to, repeats, values_of
from core.records import ANONYMOUS
from core.tokens import TokenKey
from schemas.identity import interaction_uid
from services.chassis.clock import Clock
from services.chassis.failpoints import failpoint
from services.chassis.json_body import invalid
from services.chassis.postgres import Connection, Pool
from services.chassis.problems import FieldError, Problem
from services.ingest import metrics
from services.ingest.confirming import TYPE, hold, is_unknown
from services.ingest.form_guards import Guarded, guarded
from services.ingest.form_records import SQL as FORMS
from services.ingest.form_records import Form, change_record, read_catalogue, read_form
from services.ingest.identity import Address
from services.ingest.settings import Ingest
from services.ingest.spam_window import Submitter, count_attempt
from services.ingest.stamping import Stamp, Stamped
from services.ingest.transactions import enqueue, name_writer, transaction


@dataclass(frozen=True, slots=True)
class Client:
    """Who posts, as far as the request tells; what is not known is None."""

    ip: str | None
    user_agent: str | None
    url: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """What a form says: whose record it is about, None if it does not tell, and the values for it."""

    address: Address | None
    values: Mapping[str, Any]


class _Repeated(Exception):
    """The nonce has been submitted: this is no other submission, and counts as none. `uid` is the interaction's."""

    def __init__(self, form: Form, nonce: UUID) -> None:
        super().__init__()
        self.form, self.uid = form, str(interaction_uid(form.source, nonce.hex))


@dataclass(frozen=True, slots=True)
class Submissions:
    """The steps, over what they need. Raises Problem, or RetryableError when it is unknown what is durable."""

    pool: Pool
    clock: Clock
    ingest: Ingest
    keys: Sequence[TokenKey] = ()

    async def accept(self, form_id: str, fields: Fields, client: Client) -> tuple[str | None, Form]:
        """Return the interaction's uid, once it is durable, and the form that it came from; None for what is taken for a
        machine's and told that all is well. Raises Problem 500 for spam."""
        failpoint("ingest.before-form")
        try:
            async with transaction(self.pool, timeout_s=self.ingest.database_timeout_s) as connection:
                form = await read_form(connection, form_id)
                guard = guarded(form_id, form.settings, fields, self.keys, self.clock.now())
                if guard.machine is not None:
                    metrics.FORMS_DISCARDED.labels(guard.machine).inc()
                    return None, form
                interaction = await self._submitted(connection, form, guard, client)
        except _Repeated as repeated:
            return repeated.uid, repeated.form
        if interaction is None:
            raise Problem(500, "spam", "Too many submissions: this one was discarded")
        if interaction.key:
            metrics.accepted(TYPE).inc()
        return interaction.document["uid"], form

    async def _submitted(self, connection: Connection, form: Form, guard: Guarded, client: Client) -> Stamped | None:
        """Return the interaction, None for spam. Raises Problem, or _Repeated: then nothing of it is to be kept."""
        said = await _said(connection, form, guard.fields)
        nonce = guard.nonce
        if nonce is not None and await connection.fetchval(FORMS["nonce_used"], nonce):
            raise _Repeated(form, nonce)
        now, spam = await self._count(connection, said, client)
        if spam:
            return None
        if nonce is not None and await connection.fetchval(FORMS["use_nonce"], nonce, now) is None:
            raise _Repeated(form, nonce)
        data = _data(guard.fields, client)
        if form.settings.get("confirm") and said.address is not None and await is_unknown(connection, said.address):
            return await self._held(connection, form, said.address, said.values, data, now, nonce)
        return await _taken(connection, form, said, data, now, nonce)

    async def _held(
        self,
        connection: Connection,
        form: Form,
        address: Address,
        values: Mapping[str, Any],
        data: dict[str, Any],
        now: datetime,
        nonce: UUID | None,
    ) -> Stamped:
        """Hold it until its address is confirmed; return the interaction that it is then."""
        submission_id = nonce or uuid4()
        await hold(connection, form, submission_id, address, values, data, now, self.ingest.confirmations_per_hour)
        failpoint("ingest.after-held")
        return Stamp(form, now).told(form.source, submission_id.hex, TYPE, form.id, now, "", data)

    async def _count(self, connection: Connection, said: Said, client: Client) -> tuple[datetime, bool]:
        submitter = Submitter(client.ip, "" if said.address is None else said.address.key)
        counted = await count_attempt(connection, submitter, self.clock, self.ingest.spam.limits)
        failpoint("ingest.after-count")
        return counted


async def _said(connection: Connection, form: Form, fields: Fields) -> Said:
    """Return what the form says of the record. Raises Problem 400 or 422."""
    catalogue = await read_catalogue(connection, form)
    if repeats(fields, form.mapping, catalogue):
        rule = "only what is mapped to a field of several values may stand there more than once"
        raise Problem(400, "repeated-field", "A field stands twice", rule)
    values, findings = values_of(fields, form.mapping, catalogue)
    address = None
    if (email := email_of(fields, form.mapping)) is not None:
        name, text = email
        address = Address(text)
        if not address.well_formed:
            findings.append((pointer_to(name), "is not an e-mail address"))
    if findings:
        raise invalid([FieldError(pointer, detail) for pointer, detail in findings])
    return Said(address, values)


async def _taken(
    connection: Connection, form: Form, said: Said, data: dict[str, Any], now: datetime, nonce: UUID | None
) -> Stamped:
    """Change the record and put the interaction into the outbox behind it. Who gives no address is nobody known."""
    if said.address is None:
        key = f"{ANONYMOUS}{uuid4()}"
    else:
        await name_writer(connection, form.source, now)
        key = str(await change_record(connection, said.address, said.values))
    failpoint("ingest.after-upsert")
    event_id = (nonce or uuid4()).hex
    interaction = Stamp(form, now).told(form.source, event_id, TYPE, form.id, now, key, data)
    await enqueue(connection, [interaction])
    return interaction


def _data(fields: Fields, client: Client) -> dict[str, Any]:
    known = {name: value for name, value in asdict(client).items() if value is not None}
    return {**known, "form": event_form(fields)}
