"""A list e-mail for one prospect: its template rendered, its links tracked, and a way to unsubscribe in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final

from core.mail_links import sites, track_html, track_text, web_address
from core.templates import render, render_html
from core.tokens import Token, TokenKey, issue
from schemas.identity import mail_link_id

_BODY_END: Final = "</body>"


@dataclass(frozen=True, slots=True)
class Tracking:
    """Whose mail it is, and where its links point. `list_id` scopes the unsubscribing, "" means all mail."""

    public_url: str
    keys: Sequence[TokenKey]
    asset_id: str
    prospect_id: str
    command_id: str
    list_id: str = ""

    @property
    def unsubscribe_url(self) -> str:
        """Where a GET asks and a POST unsubscribes."""
        return f"{self._prefix('u')}{self._token('unsubscribe', self.list_id)}"

    @property
    def open_url(self) -> str:
        """The picture that tells that the mail was opened."""
        return f"{self._prefix('o')}{self._token('open')}.gif"

    def click_url(self, link_id: str) -> str:
        """Where a link of the mail leads, to be sent on from there."""
        return f"{self._prefix('c')}{self._token('click', link_id)}"

    def is_own(self, url: str) -> bool:
        """Say whether this is an address of ours that unsubscribes: no click."""
        return url.startswith(self._prefix("u"))

    def _prefix(self, path: str) -> str:
        return f"{self.public_url}/{path}/"

    def _token(self, kind: Any, *more: str) -> str:
        return issue(Token(kind, self.asset_id, self.prospect_id, (self.command_id, *more)), self.keys)


@dataclass(slots=True)
class Rendered:
    """What the mail says. `links` are the targets of its tracked links by id."""

    unsubscribe_url: str
    subject: str = ""
    text: str = ""
    html: str | None = None
    links: dict[str, str] = field(default_factory=dict)


def rendered(
    template: Mapping[str, Any], scopes: Mapping[str, Any], tracking: Tracking, *, marketing: bool
) -> Rendered:
    """Return a prepared template's mail; marketing without a link to unsubscribe gets one. Raises TemplateError."""
    unsubscribe_url = tracking.unsubscribe_url
    mail = Rendered(unsubscribe_url)
    seen = {**scopes, "unsubscribe_url": unsubscribe_url}
    known = sites(*(template[part] for part in ("html", "text") if template[part]))

    def track(url: str) -> str | None:
        target = web_address(url, known)
        if target is None or tracking.is_own(target):
            return None
        link_id = mail_link_id(tracking.asset_id, target)
        mail.links[link_id] = target
        return tracking.click_url(link_id)

    mail.subject = render(template["subject"], seen)
    mail.text = track_text(render(template["text"], seen), track)
    if marketing and unsubscribe_url not in mail.text:
        mail.text = f"{mail.text.rstrip()}\n\nUnsubscribe: {unsubscribe_url}\n"
    if template["html"]:
        html = track_html(render_html(template["html"], seen), track)
        if marketing and unsubscribe_url not in html:
            html = _at_the_end(html, f'<p><a href="{escape(unsubscribe_url)}">Unsubscribe</a></p>')
        pixel = f'<img src="{escape(tracking.open_url)}" width="1" height="1" alt="" style="display:block;border:0">'
        mail.html = _at_the_end(html, pixel)
    return mail


def _at_the_end(html: str, more: str) -> str:
    end = html.lower().rfind(_BODY_END)
    return html + more if end < 0 else html[:end] + more + html[end:]
