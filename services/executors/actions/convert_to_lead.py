"""`convert_to_lead`: the prospect stays, and has one lead however often it is converted."""

from collections.abc import Mapping
from typing import Any, Final

from schemas.commands.leads import ConvertToLeadEffect
from services.executors.executor import RecordAction


def operands(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the lead and what happens to an existing one."""
    return ConvertToLeadEffect.model_validate(params).model_dump(mode="json")


ACTION: Final = RecordAction("convert_to_lead", operands)
