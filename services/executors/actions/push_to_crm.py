"""`push_to_crm`: a task or lead, told to the workspace's CRM as soon as it is there."""

from collections.abc import Mapping
from typing import Any, Final

from core.egress import destination
from schemas.commands.push import PUSH_TO_CRM, PushToCrmParams
from services.executors.executor import RemoteAction


def check(params: Mapping[str, Any]) -> None:
    """Refuse parameters that can never be carried out."""
    PushToCrmParams.model_validate(params)


ACTION: Final = RemoteAction(PUSH_TO_CRM, lambda params: destination(params["url"]), check)
