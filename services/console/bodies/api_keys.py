"""API keys: who may send events, and who may administer."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from schemas.contract import Input, Name
from schemas.interactions import EventText
from services.chassis.api_keys import ANY_SOURCE, Scope

SOURCES_MAX = 100


class NewApiKey(Input):
    """A key to create. `sources` are the event sources that it may use, `*` any; `may_create` lets an unknown e-mail
    address become a prospect."""

    name: Name
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=2)] = ("events",)
    sources: Annotated[tuple[EventText, ...], Field(max_length=SOURCES_MAX)] = ()
    may_create: bool = False
    rate_per_s: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Requests that each process answers with it, at most; null: any number."""

    @model_validator(mode="after")
    def _sources(self) -> "NewApiKey":
        if ANY_SOURCE in self.sources and len(self.sources) > 1:
            raise ValueError("sources: * stands alone")
        return self


class ShownApiKey(BaseModel):
    """A key without its secret."""

    id: str
    name: str
    scopes: list[Scope]
    sources: list[str]
    may_create: bool
    rate_per_s: int | None
    two_live: bool
    """Whether the secret before the last rotation still opens."""
    created_at: datetime
    revoked_at: datetime | None


class CreatedApiKey(ShownApiKey):
    """A new key with its secret, which is shown this once."""

    key: str
