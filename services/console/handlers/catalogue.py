"""The field catalogue: what criteria read and actions write, the workspace's own fields, and the schemas for forms."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

from schemas.action_lists import EXECUTOR_OF, RECORD_ACTION_TYPES, Action
from schemas.criteria import OPERATORS
from schemas.field_catalogue import (
    ATTRIBUTES,
    BUILT_IN,
    EVENT_ATTRIBUTES,
    RECORD_EVENT_ATTRIBUTES,
    RESERVED_NAMES,
    AttributeType,
    Field,
)
from schemas.triggers import TRIGGERS
from services.chassis.problems import FieldError, Problem
from services.chassis.sql_files import load_sql
from services.console.bodies.catalogue import ActionType, Attribute, Catalogue, CatalogueField
from services.console.catalogue import read_catalogue
from services.console.refusals import refuse, taken
from services.console.route import Call
from services.console.transactions import Database

SQL: Final = load_sql(Path(__file__).parents[1] / "sql" / "catalogue.sql")
_BUILT_IN: Final = frozenset(field.name for field in BUILT_IN)
_WITH_OPTIONS: Final = frozenset({"picklist", "multi"})


@dataclass(frozen=True, slots=True)
class CatalogueFields:
    """The calls under /api/catalogue."""

    database: Database
    fields_max: int

    async def read(self, _call: Call[None, None]) -> Catalogue:
        """Read all that a page for criteria and actions needs."""
        async with self.database.transaction() as tx:
            fields = await read_catalogue(tx)
        return Catalogue(
            fields=[_shown(field) for field in fields.values()],
            attributes=_attributes("original", ATTRIBUTES),
            event_attributes=_attributes("event", EVENT_ATTRIBUTES),
            record_event_attributes=_attributes("event", RECORD_EVENT_ATTRIBUTES),
            operators={kind: list(operators) for kind, operators in OPERATORS.items()},
            triggers={kind: list(triggers) for kind, triggers in TRIGGERS.items()},
            action_types=list(ACTION_TYPES),
        )

    async def add(self, call: Call[Field, None]) -> CatalogueField:
        """Add a field. 409: there is one of that name, or the name is a core column's."""
        field = call.body
        refuse(_errors(field))
        if field.name in RESERVED_NAMES | _BUILT_IN:
            raise taken("/name", "is the name of a built-in field or attribute")
        async with self.database.transaction() as tx:
            await tx.execute(SQL["lock_fields"])
            if len(await tx.fetch(SQL["own_fields"])) >= self.fields_max:
                raise Problem(409, "limit", "The catalogue is full", f"at most {self.fields_max} fields of its own")
            values = (field.name, field.type, field.label, list(field.options), field.personal)
            if await tx.fetchrow(SQL["add_field"], *values) is None:
                raise taken("/name", "is the name of another field")
        return _shown(field)


def _errors(field: Field) -> list[FieldError]:
    if field.options and field.type not in _WITH_OPTIONS:
        return [FieldError("/options", "goes with the types picklist and multi")]
    if len(set(field.options)) != len(field.options):
        return [FieldError("/options", "holds an option twice")]
    return []


def _shown(field: Field) -> CatalogueField:
    return CatalogueField(
        name=field.name,
        type=field.type,
        label=field.label,
        options=list(field.options),
        personal=field.personal,
        built_in=field.name in _BUILT_IN,
    )


def _attributes(scope: str, attributes: Mapping[str, AttributeType]) -> list[Attribute]:
    return [Attribute(path=f"{scope}.{name}", type=kind) for name, kind in attributes.items()]


def _action_types() -> tuple[ActionType, ...]:
    models = {model.model_fields["type"].annotation: model for model in get_args(get_args(Action)[0])}
    named = {get_args(annotation)[0]: model for annotation, model in models.items()}
    return tuple(
        ActionType(
            type=name, executor=executor, record=name in RECORD_ACTION_TYPES, schema=named[name].model_json_schema()
        )
        for name, executor in EXECUTOR_OF.items()
    )


ACTION_TYPES: Final = _action_types()
"""The thirteen, with the JSON Schemas that forms are built from."""
