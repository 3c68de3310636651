"""`send_email`: render a template for the prospect and send it; consent is checked at send time."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.addresses import Address
from schemas.contract import Id, Input


class Sender(Input):
    """A fixed sender."""

    email: Address
    name: Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""


class SendEmailParams(Input):
    """`list` scopes the unsubscribe link; `on_uncertain` decides about a mail that may have left."""

    template: Id
    class_: Literal["marketing", "transactional"] = Field(default="marketing", alias="class")
    from_: Sender | Literal["owner"] | None = Field(default=None, alias="from")
    reply_to: Sender | Literal["owner"] | None = None
    list: Id | None = None
    on_uncertain: Literal["hold", "resend"] = "hold"
