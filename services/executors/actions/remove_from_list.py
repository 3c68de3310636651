"""`remove_from_list`: leaving is not unsubscribing, and an unsubscribe stays on record."""

from collections.abc import Mapping
from typing import Any, Final

from schemas.commands.lists import RemoveFromListParams
from services.executors.executor import RecordAction


def operands(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the lists."""
    return RemoveFromListParams.model_validate(params, strict=False).model_dump()


ACTION: Final = RecordAction("remove_from_list", operands)
