"""Action lists as the API shows them: ordered actions and the version that the last save made."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

from schemas.action_lists import ACTIONS_MAX, Action
from schemas.contract import Id, Input


class NewAction(RootModel[Action]):
    """One action to append. Without an id it is given one."""


class ActionChanges(RootModel[dict[str, Any]]):
    """Keys of an action to replace, `params` and `criteria` as a whole; null takes an optional one away."""


class ActionOrder(Input):
    """Every id of the list, in the new order."""

    order: Annotated[tuple[Id, ...], Field(max_length=ACTIONS_MAX)]


class VersionQuery(BaseModel):
    """`?version=` reads an old version."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Annotated[int, Field(ge=0, lt=2**31)] | None = None


class ShownList(BaseModel):
    """A list at one version, its actions in the form of `PUT`. 0: the asset has none yet."""

    version: int
    actions: list[dict[str, Any]]
