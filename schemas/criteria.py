"""Criteria as react-querybuilder stores them: groups of rules over a typed field catalogue (design.md §11).

Here stands the form; what a field's type allows is checked in `core.definition_check` against the workspace's catalogue.
Source of the format: https://react-querybuilder.js.org/docs/typescript#rulegrouptype
"""

from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from schemas.contract import Input

DEPTH_MAX: Final = 5
RULES_MAX: Final = 100
VALUES_MAX: Final = 1000

Operator = Literal[
    "=",
    "!=",
    "in",
    "notIn",
    "null",
    "notNull",
    "changed",
    "changedTo",
    "contains",
    "doesNotContain",
    "beginsWith",
    "endsWith",
    "<",
    "<=",
    ">",
    ">=",
    "between",
    "withinLast",
    "olderThan",
    "on",
    "anyOf",
    "allOf",
    "noneOf",
]

_ORDERED: Final = ("<", "<=", ">", ">=", "between")
_EQUAL: Final = ("=", "!=", "in", "notIn")
_NULL: Final = ("null", "notNull")
_ANY: Final = (*_NULL, "changed", "changedTo")
_TEXT: Final = ("contains", "doesNotContain", "beginsWith", "endsWith")
_SET: Final = ("anyOf", "allOf", "noneOf")

OPERATORS: Final[dict[str, tuple[str, ...]]] = {
    "text": (*_EQUAL, *_ANY, *_TEXT),
    "picklist": (*_EQUAL, *_ANY, *_TEXT),
    "user": (*_EQUAL, *_ANY, *_TEXT),
    "bool": (*_EQUAL, *_ANY),
    "number": (*_EQUAL, *_ANY, *_ORDERED),
    "date": (*_EQUAL, *_ANY, *_ORDERED, "withinLast", "olderThan", "on"),
    "datetime": (*_EQUAL, *_ANY, *_ORDERED, "withinLast", "olderThan", "on"),
    "tags": (*_SET, *_NULL),
    "lists": (*_SET, *_NULL),
    "multi": (*_SET, *_NULL),
}
"""Which operators the type of a field allows."""

FieldPath = Annotated[str, StringConstraints(pattern=r"^(original|event)\.[A-Za-z0-9_.\-]{1,100}$")]


class Rule(Input):
    """One condition. `exact` makes the comparison of texts case-sensitive."""

    field: FieldPath
    operator: Operator
    value: Any = None
    exact: bool = False


class RuleGroup(Input):
    """Rules under one combinator; without rules it is true."""

    combinator: Literal["and", "or"] = "and"
    not_: bool = Field(default=False, alias="not")
    rules: tuple["RuleOrGroup", ...] = Field(default=(), max_length=RULES_MAX)


def _form(value: Any) -> str:
    return "group" if isinstance(value, RuleGroup) or (isinstance(value, dict) and "rules" in value) else "rule"


RuleOrGroup = Annotated[Annotated[Rule, Tag("rule")] | Annotated[RuleGroup, Tag("group")], Discriminator(_form)]
RuleGroup.model_rebuild()
