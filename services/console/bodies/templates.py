"""Templates of mails as the API shows them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from schemas.commands.email import Sender
from schemas.contract import Id, Input, Name
from services.console.bodies.assets import Subject, Text

Writer = Sender | Literal["owner"]
"""A fixed sender, or the owner of the prospect, where there is one."""
_TEXTS = ("subject", "html", "text")


class _Texts(Input):
    html: Text | None = None
    text: Text | None = None
    from_: Writer | None = Field(default=None, alias="from")
    reply_to: Writer | None = None

    def texts(self) -> dict[str, Any]:
        """Return the texts that were given, null ones too."""
        return self.model_dump(include=set(_TEXTS) & self.model_fields_set)


class NewTemplate(_Texts):
    """A template to create, with HTML, text or both. All three texts are Liquid; a text that is not given is made from the
    HTML."""

    id: Id | None = None
    name: Name
    subject: Annotated[Subject, StringConstraints(min_length=1)]


class TemplateChanges(_Texts):
    """What to change; what is absent stays. A null part, or sender, is taken away."""

    name: Name = ""
    subject: Annotated[Subject, StringConstraints(min_length=1)] = ""


class ListedTemplate(BaseModel):
    """A template without its parts."""

    model_config = ConfigDict(populate_by_name=True)

    id: str
    version: int
    """Grows with every change."""
    name: str
    status: Literal["active", "archived", "deleted"]
    subject: str
    from_: Writer | None = Field(alias="from")
    reply_to: Writer | None
    created_at: datetime
    updated_at: datetime


class ShownTemplate(ListedTemplate):
    """A template, with its parts as written and as they are rendered for each prospect."""

    html: str | None
    text: str | None
    html_ready: str | None
    text_ready: str
