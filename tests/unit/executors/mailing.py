"""What mail tests begin with: a command, a record, a template."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from core.mail_html import prepare_html
from core.mail_text import text_of_html
from core.templates import scopes
from core.tokens import TokenKey
from schemas.commands.command import Command
from services.executors.ports import Situation

KEYS: Final = (TokenKey("k1", b"0123456789abcdef0123456789abcdef"),)
NOW: Final = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PROSPECT_ID: Final = UUID("11111111-1111-4111-8111-111111111111")
PROSPECT: Final[dict[str, Any]] = {
    "id": str(PROSPECT_ID),
    "email": "ann@example.com",
    "score": 5,
    "owner": "bob",
    "tags": ["hot"],
    "lists": {"news": "subscribed"},
    "consent": "none",
    "lead_id": None,
    "fields": {"first_name": "Ann"},
}
OWNER: Final = {"id": "bob", "name": "Bob", "email": "bob@example.com"}


def command(action_type: str = "send_email", **params: Any) -> Command:
    return Command(
        id=UUID("22222222-2222-5222-8222-222222222222"),
        uid=UUID("33333333-3333-5333-8333-333333333333"),
        action_id="a1",
        action_name="An action",
        asset_id="form-1",
        version=1,
        prospect_id=PROSPECT_ID,
        type=action_type,
        params={"template": "welcome", **params} if action_type == "send_email" else params,
        order=1,
        recordedtime=NOW,
        interaction={"uid": "u", "type": "form.submitted", "subject": "form-1", "time": NOW.isoformat(), "data": {}},
    )


def template(
    html: str | None = "<p>Hi {{ prospect.first_name }}</p>", text: str | None = None, **more: Any
) -> dict[str, Any]:
    return {
        "id": "welcome",
        "subject": "Hi {{ prospect.first_name }}",
        "html": None if html is None else prepare_html(html),
        "text": text or text_of_html(html or ""),
        "from": None,
        "reply_to": None,
        **more,
    }


def situation(changes: dict[str, Any] | None = None, **details: Any) -> Situation:
    prospect = {**PROSPECT, **(changes or {})}
    found = {"template": template(), "owner": OWNER, "recent": [], "beside": 0, **details}
    return Situation(prospect, NOW, scopes(prospect, OWNER, command().interaction or {}), found)
