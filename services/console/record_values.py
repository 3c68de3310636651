"""A client's values of a prospect, checked against the workspace and brought into the form of the record's columns."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from core.field_values import check_value
from core.text import key
from schemas.field_catalogue import Field
from services.chassis.postgres import Connection
from services.chassis.problems import FieldError
from services.chassis.sql_files import load_sql
from services.console.bodies.prospects import Membership, NewProspect, ProspectChanges
from services.console.transactions import Row

SQL: Final = load_sql(Path(__file__).parent / "sql" / "prospects.sql")


@dataclass(frozen=True, slots=True)
class RecordValues:
    """The columns that the API writes, in the order of the statements' parameters."""

    email: str | None = None
    score: int = 0
    owner: str | None = None
    tags: tuple[str, ...] = ()
    lists: Mapping[str, str] | None = None
    fields: Mapping[str, Any] | None = None

    def columns(self) -> tuple[Any, ...]:
        """Return the statements' parameters."""
        return (self.email, self.score, self.owner, list(self.tags), self.lists or {}, self.fields or {})


def of_row(row: Row) -> RecordValues:
    """Return a row's values."""
    return RecordValues(row["email"], row["score"], row["owner"], tuple(row["tags"]), row["lists"], row["fields"])


def merged(
    old: RecordValues, body: NewProspect | ProspectChanges, catalogue: Mapping[str, Field]
) -> tuple[RecordValues, list[FieldError]]:
    """Return `old` with what the body gives, and what is wrong with the body's fields."""
    given = body.model_fields_set
    fields, errors = merged_fields(old.fields or {}, body.fields, catalogue)
    return (
        replace(
            old,
            email=body.email if "email" in given else old.email,
            score=body.score if "score" in given else old.score,
            owner=body.owner if "owner" in given else old.owner,
            tags=distinct(body.tags) if "tags" in given else old.tags,
            lists=memberships(body.lists) if "lists" in given else old.lists,
            fields=fields,
        ),
        errors,
    )


def merged_fields(
    old: Mapping[str, Any], given: Mapping[str, Any], catalogue: Mapping[str, Field]
) -> tuple[dict[str, Any], list[FieldError]]:
    """Return the old fields with the given ones: typed, and cleared where null."""
    fields, errors = dict(old), []
    for name, value in given.items():
        if name not in catalogue:
            errors.append(FieldError(f"/fields/{name}", "is not a field of the catalogue"))
        elif value is None:
            fields.pop(name, None)
        else:
            try:
                fields[name] = check_value(catalogue[name], value)
            except ValueError as exc:
                errors.append(FieldError(f"/fields/{name}", str(exc)))
    return fields, errors


def distinct(tags: Iterable[str]) -> tuple[str, ...]:
    """Return each tag once, in its first spelling."""
    first: dict[str, str] = {}
    for tag in tags:
        first.setdefault(key(tag), tag)
    return tuple(first.values())


def memberships(lists: Iterable[str | Membership]) -> dict[str, str]:
    """Return the status by list id; a bare id is subscribed, of an id given twice the last one counts."""
    return dict((item, "subscribed") if isinstance(item, str) else (item.id, item.status) for item in lists)


async def unknown_references(tx: Connection, body: NewProspect | ProspectChanges) -> list[FieldError]:
    """Return an error for each user or list that the body names and the workspace does not have."""
    errors = []
    if body.owner is not None and not await tx.fetchval(SQL["user_exists"], body.owner):
        errors.append(FieldError("/owner", "is not a user"))
    ids = [item if isinstance(item, str) else item.id for item in body.lists]
    if ids:
        unknown = {row["id"] for row in await tx.fetch(SQL["unknown_lists"], ids)}
        errors.extend(
            FieldError(f"/lists/{index}", "is not a list") for index, list_id in enumerate(ids) if list_id in unknown
        )
    return errors
