"""`add_to_list` and `remove_from_list`. Leaving a list is not unsubscribing."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.contract import Id, Input

Lists = Annotated[tuple[Id, ...], Field(min_length=1, max_length=50)]


class AddToListParams(Input):
    """A member who unsubscribed is re-added with `resubscribe` only, which needs its evidence."""

    lists: Lists
    resubscribe: bool = False
    evidence: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None

    @model_validator(mode="after")
    def _evidence(self) -> Self:
        if self.resubscribe != (self.evidence is not None):
            raise ValueError("resubscribe and evidence go together")
        return self


class RemoveFromListParams(Input):
    """Absent members are no change."""

    lists: Lists
