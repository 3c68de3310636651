"""Actions as marketers write them, the thirteen types, and the immutable versions of an asset's list."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, Field

from schemas.commands.email import SendEmailParams
from schemas.commands.fields import ChangeFieldValueParams
from schemas.commands.lambda_ import ExecuteLambdaParams
from schemas.commands.leads import ConvertToLeadParams
from schemas.commands.lists import AddToListParams, RemoveFromListParams
from schemas.commands.notify import NotifyUserParams
from schemas.commands.owner import AssignOwnerParams
from schemas.commands.score import AdjustScoreParams
from schemas.commands.tags import TagsParams
from schemas.commands.tasks import CreateCrmTaskParams
from schemas.commands.webhook import FireWebhookParams
from schemas.contract import SCHEMA_VERSION, Contract, Duration, Id, Input, Name
from schemas.criteria import RuleGroup
from schemas.field_catalogue import AttributeType
from schemas.triggers import AssetKind

ACTIONS_MAX: Final = 100


class Once(Input):
    """Fire for a prospect once, ever."""

    once: Literal[True]


class OncePer(Input):
    """Fire for a prospect at most once in that time."""

    once_per: Duration


class First(Input):
    """Fire for a prospect's first K matching interactions."""

    first: Annotated[int, Field(ge=1, le=1_000_000)]


class _Action(Input):
    """What every action has. `trigger` is the bare name: `clicked`, `tag_added`."""

    id: Id
    name: Name
    trigger: str
    criteria: RuleGroup | None = None
    enabled: bool = True
    frequency: Literal["every"] | Once | OncePer | First = "every"


class _RecordAction(_Action):
    """Changes the prospect's record. `on_failure`: whether outside actions behind a dead one wait."""

    on_failure: Literal["hold", "continue"] = "hold"


class _OutsideAction(_Action):
    """Reaches out, after `delay` or at `run_at`."""

    delay: Duration | None = None
    run_at: AwareDatetime | None = Field(default=None, strict=False)


class AddTags(_RecordAction):
    """Add tags."""

    type: Literal["add_tags"]
    params: TagsParams


class RemoveTags(_RecordAction):
    """Remove tags."""

    type: Literal["remove_tags"]
    params: TagsParams


class AdjustScore(_RecordAction):
    """Change the score."""

    type: Literal["adjust_score"]
    params: AdjustScoreParams


class ConvertToLead(_RecordAction):
    """Make a lead of the prospect."""

    type: Literal["convert_to_lead"]
    params: ConvertToLeadParams


class AssignOwner(_RecordAction):
    """Give the prospect an owner."""

    type: Literal["assign_owner"]
    params: AssignOwnerParams


class ChangeFieldValue(_RecordAction):
    """Write a field."""

    type: Literal["change_field_value"]
    params: ChangeFieldValueParams


class AddToList(_RecordAction):
    """Subscribe to lists."""

    type: Literal["add_to_list"]
    params: AddToListParams


class RemoveFromList(_RecordAction):
    """Take off lists."""

    type: Literal["remove_from_list"]
    params: RemoveFromListParams


class SendEmail(_OutsideAction):
    """Send a mail to the prospect."""

    type: Literal["send_email"]
    params: SendEmailParams


class NotifyUser(_OutsideAction):
    """Tell a user."""

    type: Literal["notify_user"]
    params: NotifyUserParams


class CreateCrmTask(_OutsideAction):
    """Create a task."""

    type: Literal["create_crm_task"]
    params: CreateCrmTaskParams


class FireWebhook(_OutsideAction):
    """Call a URL."""

    type: Literal["fire_webhook"]
    params: FireWebhookParams


class ExecuteLambda(_OutsideAction):
    """Call a function."""

    type: Literal["execute_lambda"]
    params: ExecuteLambdaParams


Action = Annotated[
    AddTags
    | RemoveTags
    | AdjustScore
    | ConvertToLead
    | AssignOwner
    | ChangeFieldValue
    | AddToList
    | RemoveFromList
    | SendEmail
    | NotifyUser
    | CreateCrmTask
    | FireWebhook
    | ExecuteLambda,
    Field(discriminator="type"),
]

EXECUTOR_OF: Final[Mapping[str, str]] = {
    "add_tags": "tags",
    "remove_tags": "tags",
    "adjust_score": "score",
    "convert_to_lead": "leads",
    "assign_owner": "owner",
    "change_field_value": "fields",
    "add_to_list": "lists",
    "remove_from_list": "lists",
    "send_email": "email",
    "notify_user": "notify",
    "create_crm_task": "tasks",
    "fire_webhook": "webhook",
    "execute_lambda": "lambda",
}
"""Which executor carries out which action type."""

RECORD_ACTION_TYPES: Final = frozenset(
    {
        "add_tags",
        "remove_tags",
        "adjust_score",
        "convert_to_lead",
        "assign_owner",
        "change_field_value",
        "add_to_list",
        "remove_from_list",
    }
)


class Actions(Input):
    """The whole ordered list, as a client saves it."""

    actions: tuple[Action, ...] = Field(max_length=ACTIONS_MAX)


class ActionList(Contract):
    """A record of `finish.definitions.v1`: one version of one asset's list, self-contained so that a replay judges alike.

    `types` holds the type of every catalogue field that the list reads or writes, `disabled_users` who of its pools was
    disabled when it was published. `actions` have the form of `Action`; they were checked at save.
    """

    schema_: Literal[1] = Field(default=SCHEMA_VERSION, alias="schema")
    record: Literal["action_list"] = "action_list"
    asset_id: str
    asset_kind: AssetKind
    version: int = Field(ge=1)
    actions: tuple[dict[str, Any], ...]
    types: dict[str, AttributeType] = Field(default_factory=dict)
    disabled_users: tuple[str, ...] = ()
    savedtime: datetime
