"""What a list e-mail says, checked and made ready when it is saved: complete, it is a template that `send_email` can send."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from core.mail_html import MarkupError, prepare_html
from core.mail_text import text_of_html
from core.templates import check_template
from services.chassis.postgres import Connection
from services.chassis.problems import FieldError
from services.chassis.sql_files import load_sql
from services.console.catalogue import read_catalogue
from services.console.refusals import refuse

SQL: Final = load_sql(Path(__file__).parent / "sql" / "templates.sql")
_TEXTS: Final = ("subject", "html", "text")
_OF_MAILS: Final = frozenset({"unsubscribe_url"})


@dataclass(frozen=True, slots=True)
class Ready:
    """The parts as they are rendered for each prospect."""

    html: str | None
    text: str


async def keep_template(tx: Connection, asset_id: str, settings: Mapping[str, Any]) -> None:
    """Make a list e-mail's texts ready and keep them; without a subject and a part it is no template. Raises Problem 422 for
    what is wrong with them, or missing of what was a template before."""
    fields = await read_catalogue(tx)
    refuse(errors_in_texts(settings, fields))
    missing = missing_texts(settings)
    if missing:
        refuse(missing if await tx.fetchval(SQL["exists"], asset_id) else [])
        return
    ready, errors = made_ready(settings, fields)
    refuse(errors)
    await tx.execute(SQL["put"], asset_id, ready.html, ready.text)


def errors_in_texts(settings: Mapping[str, Any], fields: Container[str]) -> list[FieldError]:
    """Return what is wrong with the Liquid of the texts that there are."""
    return [
        FieldError(f"/{name}", wrong)
        for name in _TEXTS
        for wrong in check_template(settings.get(name) or "", fields, _OF_MAILS)
    ]


def made_ready(settings: Mapping[str, Any], fields: Container[str]) -> tuple[Ready, list[FieldError]]:
    """Return the parts made ready, and what is wrong with those that cannot be."""
    html, text = settings.get("html"), settings.get("text")
    try:
        ready = Ready(prepare_html(html) if html else None, text or text_of_html(html or ""))
    except MarkupError as exc:
        return Ready(None, ""), [FieldError("/html", str(exc))]
    if not text and any(check_template(ready.text, fields, _OF_MAILS)):
        return ready, [FieldError("/text", "is required: none can be made from this HTML")]
    return ready, []


def missing_texts(settings: Mapping[str, Any]) -> list[FieldError]:
    """Return what a mail needs, and this is without."""
    missing = [] if settings.get("subject") else [FieldError("/subject", "is required")]
    if not settings.get("html") and not settings.get("text"):
        missing.append(FieldError("/html", "is required, or a text"))
    return missing
