"""`assign_owner`: the pool is resolved already; a user who does not exist is refused."""

from collections.abc import Mapping
from typing import Any, Final

from schemas.commands.owner import AssignOwnerEffect
from services.executors.executor import RecordAction


def operands(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the user and whether to overwrite."""
    return AssignOwnerEffect.model_validate(params).model_dump()


ACTION: Final = RecordAction("assign_owner", operands)
