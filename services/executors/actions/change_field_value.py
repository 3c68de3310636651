"""`change_field_value`: set, clear, append and increment, each on a value of its own type.

What is wrong whatever the record holds is refused here; what depends on the stored value, in the statement.
"""

from collections.abc import Mapping
from typing import Any, Final

from core.field_change import SEPARATOR, operand
from schemas.commands.fields import ChangeFieldValueEffect
from schemas.field_catalogue import MULTI_MAX_VALUES, NUMBER_DECIMALS, NUMBER_LIMIT, TEXT_MAX_LENGTH
from services.chassis.errors import PermanentError
from services.executors.executor import RecordAction

_LIMITS: Final = {
    "text_max": TEXT_MAX_LENGTH,
    "multi_max": MULTI_MAX_VALUES,
    "number_limit": NUMBER_LIMIT,
    "decimals": NUMBER_DECIMALS,
    "separator": SEPARATOR,
}


def operands(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the operation with its value as it is stored, and the limits."""
    effect = ChangeFieldValueEffect.model_validate(params)
    try:
        value = operand(effect.type, effect.op, effect.value)
    except ValueError as exc:
        raise PermanentError(str(exc)) from None
    return {**effect.model_dump(), "value": value, **_LIMITS}


ACTION: Final = RecordAction("change_field_value", operands)
