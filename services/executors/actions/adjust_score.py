"""`adjust_score`: an atomic delta or a set, clamped; a result outside four bytes is refused."""

from collections.abc import Mapping
from typing import Any, Final

from schemas.commands.score import AdjustScoreParams
from schemas.field_catalogue import SCORE_LIMIT
from services.executors.executor import RecordAction


def operands(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the operation, its bounds and the range of any score."""
    return {**AdjustScoreParams.model_validate(params).model_dump(), "limit": SCORE_LIMIT}


ACTION: Final = RecordAction("adjust_score", operands)
