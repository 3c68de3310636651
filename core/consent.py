"""Who may be written to, asked at the moment of sending."""

from typing import Final

_NEVER: Final = {
    "marketing": frozenset({"unsubscribed", "bounced", "complained"}),
    "transactional": frozenset({"bounced"}),
}
"""The consent with which a mail of each class is not sent: what a contract or the law asks for goes to who wants no marketing,
but nowhere that takes no mail."""


def refused(mail_class: str, consent: str, of_list: str | None) -> bool:
    """Say whether a mail of this class must not go to a prospect; `of_list` is how it stands on the list that is written to."""
    return consent in _NEVER[mail_class] or (mail_class == "marketing" and of_list == "unsubscribed")
