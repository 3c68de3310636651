"""`change_field_value`: typed operations on one field of the catalogue."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import StringConstraints, model_validator

from schemas.contract import Contract, Duration, Input
from schemas.field_catalogue import FieldName, FieldType

Value = str | int | float | bool | tuple[str, ...]

TYPES_OF_OP: Final[Mapping[str, tuple[FieldType, ...]]] = {
    "append": ("text", "multi"),
    "increment": ("number",),
    "now": ("date", "datetime"),
}
"""Which types of field an operation goes with; one that is not here goes with all."""


class ChangeFieldValueParams(Input):
    """`value` goes with set, append and increment; `from` with copy; `offset` with now."""

    field: FieldName
    op: Literal["set", "append", "increment", "clear", "copy", "now"]
    value: Value | None = None
    from_: Annotated[str, StringConstraints(pattern=r"^(original|event)\.[A-Za-z0-9_.\-]{1,100}$")] | None = None
    offset: Duration | None = None
    only_if_empty: bool = False

    model_config = Input.model_config | {
        "validate_by_name": True,
        "validate_by_alias": True,
        "alias_generator": lambda name: name.rstrip("_"),
    }

    @model_validator(mode="after")
    def _operands(self) -> Self:
        wanted = {"set": "value", "append": "value", "increment": "value", "copy": "from"}.get(self.op)
        given = {"value": self.value, "from": self.from_, "offset": self.offset}
        for name, operand in given.items():
            if name == wanted and operand is None:
                raise ValueError(f"{name} is required with op {self.op}")
            if name != wanted and operand is not None and not (name == "offset" and self.op == "now"):
                raise ValueError(f"{name} does not go with op {self.op}")
        return self


class ChangeFieldValueEffect(Contract):
    """What the command carries: copy and now have become set or clear, on original values."""

    field: str
    type: FieldType
    op: Literal["set", "append", "increment", "clear"]
    value: Any = None
    only_if_empty: bool = False
