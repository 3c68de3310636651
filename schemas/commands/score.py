"""`adjust_score`: an atomic delta, clamped."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schemas.contract import Input
from schemas.field_catalogue import SCORE_LIMIT

Score = Annotated[int, Field(ge=-SCORE_LIMIT, le=SCORE_LIMIT)]


class AdjustScoreParams(Input):
    """`min` and `max` clamp the result, not the amount."""

    op: Literal["add", "subtract", "set"]
    amount: Score
    min: Score | None = None
    max: Score | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min must not be above max")
        return self
