"""`fire_webhook`: a signed HTTP request to a URL of the marketer's."""

from collections.abc import Mapping
from typing import Any, Final

from core.egress import destination
from schemas.commands.webhook import FireWebhookParams
from services.executors.executor import RemoteAction


def check(params: Mapping[str, Any]) -> None:
    """Refuse parameters that can never be carried out."""
    FireWebhookParams.model_validate(params)


ACTION: Final = RemoteAction("fire_webhook", lambda params: destination(params["url"]), check)
