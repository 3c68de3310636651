"""`mail_digest`: one mail of all the notices that a digest of `notify_user` has gathered."""

from collections.abc import Mapping
from typing import Any, Final

from schemas.commands.notify import MAIL_DIGEST, MailDigestParams
from services.executors.executor import EMAIL, RemoteAction


def check(params: Mapping[str, Any]) -> None:
    """Refuse parameters that can never be carried out."""
    MailDigestParams.model_validate(params)


ACTION: Final = RemoteAction(MAIL_DIGEST, lambda _: EMAIL, check)
