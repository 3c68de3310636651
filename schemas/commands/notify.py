"""`notify_user`: a user, the owner or a team; by e-mail or in-app."""

from typing import Annotated, Final, Literal

from pydantic import StringConstraints

from schemas.commands.leads import UserReference
from schemas.contract import Duration, Id, Input

MAIL_DIGEST: Final = "mail_digest"
"""What mails the notices that a digest has gathered. No marketer writes it: it follows from `notify_user`."""


class TeamReference(Input):
    """Every enabled member of a team."""

    team: Id


class NotifyUserParams(Input):
    """`fallback` is told when there is no owner or the user is disabled; `digest` gathers notices for that long."""

    to: Literal["owner"] | UserReference | TeamReference
    channel: Literal["in_app", "email"] = "in_app"
    subject: Annotated[str, StringConstraints(max_length=200)] | None = None
    text: Annotated[str, StringConstraints(min_length=1, max_length=4000)]
    fallback: UserReference | None = None
    digest: Duration | None = None


class MailDigestParams(Input):
    """Those of the first notice that was gathered, `subject` rendered."""

    to: Literal["owner"] | UserReference | TeamReference
    subject: Annotated[str, StringConstraints(max_length=200)] | None = None
    fallback: UserReference | None = None
