"""Hooks that a CRM tells of its records by."""

from datetime import datetime
from typing import Self

from pydantic import Field, model_validator

from schemas.contract import Id, Input, JsonPointer, Name
from schemas.field_catalogue import FieldName

MAPPING_MAX = 200


class RecordHookSettings(Input):
    """Where in the CRM's record stands what, as JSON pointers: its id, the address, whether the person has opted out of
    mails, and values by the catalogue's fields. `records` points to the record, or to an array of records, in what is sent."""

    name: Name
    records: JsonPointer = ""
    external_id: JsonPointer | None = None
    email: JsonPointer | None = None
    opted_out: JsonPointer | None = None
    mapping: dict[FieldName, JsonPointer] = Field(default_factory=dict, max_length=MAPPING_MAX)

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if self.external_id is None and self.email is None:
            raise ValueError("external_id or email is needed, to know whose record it is")
        return self


class NewRecordHook(RecordHookSettings):
    """A hook to make."""

    id: Id | None = None


class RecordHook(RecordHookSettings):
    """A hook. `url`: where the CRM is to send, with an API key of scope `events` and the source `hooks/<id>`."""

    id: Id
    url: str
    updated_at: datetime
