"""Assets as the API shows them: flat, with the settings that their kind has."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from schemas.contract import Id, Input, Name
from schemas.triggers import AssetKind

FORM_FIELDS_MAX: Final = 200
SETTINGS_OF: Final[dict[str, tuple[str, ...]]] = {
    "redirect_link": ("target_url",),
    "hosted_file": (),
    "form": (
        "mapping",
        "success_url",
        "success_message",
        "honeypot",
        "min_seconds",
        "nonce",
        "confirm",
        "confirm_subject",
        "confirm_message",
    ),
    "list_email": ("subject", "html", "text"),
    "prospect": (),
}
"""Which settings an asset of each kind has."""
PUBLISHED: Final = frozenset({"target_url", "mapping", "success_url", "success_message", "file"})
"""The settings that ingest serves from; a mail's texts are not for the log."""
_SETTINGS: Final = tuple(dict.fromkeys(name for names in SETTINGS_OF.values() for name in names))


def _web_address(url: str) -> str:
    """Let through only what a browser may be sent to: http or https, a host, no user, nothing that parsers disagree on."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ValueError("must be an absolute http or https URL")
    if "@" in parts.netloc:
        raise ValueError("must not name a user")
    return url


_NO_CONTROLS: Final = r"^[^\x00-\x20\x7f-\x9f\\]+$"
WebAddress = Annotated[
    str, StringConstraints(min_length=1, max_length=2000, pattern=_NO_CONTROLS), AfterValidator(_web_address)
]
Target = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
FormField = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Mapping = Annotated[dict[FormField, Target], Field(max_length=FORM_FIELDS_MAX)]
Subject = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
SuccessMessage = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Text = Annotated[str, StringConstraints(max_length=200_000)]


class _Settings(Input):
    target_url: WebAddress | None = None
    mapping: Mapping | None = None
    success_url: WebAddress | None = None
    success_message: SuccessMessage | None = None
    honeypot: FormField | None = None
    min_seconds: Annotated[int, Field(ge=1, le=600)] | None = None
    nonce: bool | None = None
    confirm: bool | None = None
    confirm_subject: Annotated[Subject, Field(min_length=1)] | None = None
    confirm_message: SuccessMessage | None = None
    subject: Subject | None = None
    html: Text | None = None
    text: Text | None = None

    def settings(self) -> dict[str, Any]:
        """Return the settings that were given, null ones too."""
        return self.model_dump(include=set(_SETTINGS) & self.model_fields_set)


class NewAsset(_Settings):
    """An asset to create. `mapping` maps a form's fields to fields of the prospect, or to `email`, each to another one.

    Who has submitted the form is sent to `success_url`, or else shown `success_message`, or else a sentence of ours. A
    submission that fills in the field `honeypot`, or comes sooner than `min_seconds` after the form was loaded, is discarded and
    answered as the others. With `nonce`, or `min_seconds`, each needs a nonce, which stands for one submission.
    With `confirm`, who gives an address that nobody here has is sent a mail, of `confirm_subject` and `confirm_message` or else
    of our words; until they confirm it there is neither a prospect nor an interaction.
    """

    id: Id | None = None
    kind: Literal["redirect_link", "hosted_file", "form", "list_email"]
    name: Name

    @model_validator(mode="after")
    def _complete(self) -> "NewAsset":
        if self.kind == "redirect_link" and self.target_url is None:
            raise ValueError("target_url is required for a redirect_link")
        return self


class AssetChanges(_Settings):
    """What to change; what is absent stays. A null setting is taken away."""

    name: Name = ""
    status: Literal["active", "archived"] = "active"


class FormSnippet(BaseModel):
    """A form to paste into a page of any site."""

    html: str


class HostedFile(BaseModel):
    """What a hosted file's address gives. `version` counts what was uploaded; `content_type` is told as it was given."""

    name: str
    content_type: str
    size: int
    sha256: str
    version: int
    uploaded_at: datetime


class ShownAsset(BaseModel):
    """An asset. Settings of other kinds are null."""

    id: str
    kind: AssetKind
    name: str
    status: Literal["active", "archived", "deleted"]
    created_at: datetime
    target_url: str | None = None
    file: HostedFile | None = None
    mapping: dict[str, str] | None = None
    success_url: str | None = None
    success_message: str | None = None
    honeypot: str | None = None
    min_seconds: int | None = None
    nonce: bool | None = None
    confirm: bool | None = None
    confirm_subject: str | None = None
    confirm_message: str | None = None
    subject: str | None = None
    html: str | None = None
    text: str | None = None
