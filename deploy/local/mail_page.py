"""The mail sink's pages: every value is escaped, and a mail's HTML stands in a frame of its own."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final
from urllib.parse import urlsplit

_SANDBOX: Final = "allow-popups allow-popups-to-escape-sandbox"
_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1c2430;background:#fff}
h1{font-size:1.3rem}h2{font-size:1rem;margin:1.5rem 0 .4rem}a{color:#0b5cad}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #dde3ea;
vertical-align:top;overflow-wrap:anywhere}th{font-weight:600;color:#51606f}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f4f6f8;padding:1rem;border-radius:6px}
iframe{width:100%;height:32rem;border:1px solid #dde3ea;border-radius:6px}.none{color:#51606f}
@media (prefers-color-scheme:dark){body{background:#12161c;color:#e6ebf1}a{color:#7db8f5}td,th{border-color:#2a323c}
pre{background:#1b222b}iframe{background:#fff;border-color:#2a323c}}
"""


def listing_page(mails: Sequence[Mapping[str, Any]], to: str) -> str:
    """Return the page of all mails, or of those to one address."""
    rows = "".join(
        f"<tr><td><a href='/messages/{mail['id']}'>{escape(mail['subject']) or '(no subject)'}</a></td>"
        f"<td>{escape(', '.join(mail['to']))}</td><td>{escape(mail['from'])}</td>"
        f"<td>{escape(mail['received_at'][:19].replace('T', ' '))}</td></tr>"
        for mail in mails
    )
    table = f"<table><tr><th>Subject</th><th>To</th><th>From</th><th>Received (UTC)</th></tr>{rows}</table>"
    shown = table if mails else "<p class='none'>No mail yet.</p>"
    title = f"Mail to {to}" if to else "Mail"
    return framed(title, f"<p><a href='/hooks'>Webhooks</a></p><h1>{escape(title)}</h1>{shown}")


def message_page(mail: Mapping[str, Any]) -> str:
    """Return the page of one mail: its HTML in a sandbox, its text, its links, its headers."""
    subject = mail["subject"] or "(no subject)"
    frame = f"<iframe sandbox='{_SANDBOX}' src='/messages/{mail['id']}/html' title='HTML part'></iframe>"
    html = f"<h2>HTML</h2>{frame}" if mail["html"] is not None else ""
    text = f"<h2>Text</h2><pre>{escape(mail['text'])}</pre>" if mail["text"] is not None else ""
    found = "".join(f"<li>{_link(url)}</li>" for url in mail["links"])
    links = f"<h2>Links</h2><ul>{found}</ul>" if found else ""
    headers = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in mail["headers"])
    return framed(
        subject,
        f"<p><a href='/'>All mail</a></p><h1>{escape(subject)}</h1>"
        f"<p>{escape(mail['from'])} to {escape(', '.join(mail['to']))}</p>"
        f"{html}{text}{links}<h2>Headers</h2><table>{headers}</table>",
    )


def _link(url: str) -> str:
    """Return a link to a web address; another address is shown and leads nowhere."""
    try:
        scheme = urlsplit(url).scheme.lower()
    except ValueError:
        scheme = ""
    if scheme not in {"http", "https"}:
        return escape(url)
    return f"<a href='{escape(url)}' target='_blank' rel='noopener noreferrer'>{escape(url)}</a>"


def framed(title: str, body: str) -> str:
    """Return a whole page. The body is HTML, its values escaped."""
    return (
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>"
    )
