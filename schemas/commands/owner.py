"""`assign_owner`: one user, or one of a pool by the interaction's hash."""

from typing import Literal, Self

from pydantic import Field, model_validator

from schemas.contract import Contract, Id, Input


class AssignOwnerParams(Input):
    """Exactly one of `user` and `pool`."""

    user: Id | None = None
    pool: tuple[Id, ...] | None = Field(default=None, min_length=1, max_length=100)
    overwrite: Literal["never", "always"] = "never"

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.user is None) == (self.pool is None):
            raise ValueError("exactly one of user and pool is required")
        return self


class AssignOwnerEffect(Contract):
    """What the command carries: the pool is resolved. No user: everybody in it is disabled, and nothing changes."""

    user: str | None
    overwrite: Literal["never", "always"]
