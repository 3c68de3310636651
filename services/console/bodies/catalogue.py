"""The field catalogue as forms need it: fields, operators per type, and the JSON Schemas of the action types."""

from typing import Any

from pydantic import BaseModel

from schemas.field_catalogue import AttributeType, FieldType


class CatalogueField(BaseModel):
    """A field of the prospect. `built_in` ones are there in every workspace."""

    name: str
    type: FieldType
    label: str
    options: list[str]
    personal: bool
    built_in: bool


class Attribute(BaseModel):
    """What a criterion may read besides, by its path."""

    path: str
    type: AttributeType


class ActionType(BaseModel):
    """One action type: who carries it out, and the schema that a form is built from."""

    type: str
    executor: str
    record: bool
    schema_: dict[str, Any]

    model_config = {"alias_generator": lambda name: name.rstrip("_"), "populate_by_name": True}


class Catalogue(BaseModel):
    """All that a page for criteria and actions needs to know."""

    fields: list[CatalogueField]
    attributes: list[Attribute]
    event_attributes: list[Attribute]
    record_event_attributes: list[Attribute]
    operators: dict[str, list[str]]
    triggers: dict[str, list[str]]
    action_types: list[ActionType]
