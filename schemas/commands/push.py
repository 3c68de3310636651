"""`push_to_crm`: a task or lead that an action made, for the workspace's CRM. No marketer writes it: it follows from that action."""

from typing import Any, Final, Literal, TypeAlias

from schemas.commands.webhook import WebhookEndpoint

PUSH_TO_CRM: Final = "push_to_crm"

PushedKind: TypeAlias = Literal["task", "lead"]


class PushToCrmParams(WebhookEndpoint):
    """`record` is the task or lead as it was made; its `id` is what the CRM is to know it by."""

    kind: PushedKind
    record: dict[str, Any]
