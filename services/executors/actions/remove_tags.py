"""`remove_tags`: tags of these keys are dropped, whatever their spelling."""

from collections.abc import Mapping
from typing import Any, Final

from schemas.commands.tags import TagsParams
from services.executors.executor import RecordAction


def operands(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tags."""
    return {"tags": TagsParams.model_validate(params, strict=False).tags}


ACTION: Final = RecordAction("remove_tags", operands)
