"""`add_to_list`: who unsubscribed is re-added only when the action says so."""

from collections.abc import Mapping
from typing import Any, Final

from schemas.commands.lists import AddToListParams
from services.executors.executor import RecordAction


def operands(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the lists, whether an unsubscribe is overruled, and on what grounds."""
    return AddToListParams.model_validate(params, strict=False).model_dump()


ACTION: Final = RecordAction("add_to_list", operands)
