"""What the doors for browsers share: what may be believed of a request's headers, and what every answer says."""

from typing import Final

ANSWER_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
PAGE_HEADERS: Final = {**ANSWER_HEADERS, "Content-Security-Policy": "default-src 'none'; sandbox"}
DURABLE: Final = "finish-interaction"
"""The header that names the interaction once it is durable."""
USER_AGENT_MAX_LENGTH: Final = 1024
URL_MAX_LENGTH: Final = 2048
_REPLACEMENT: Final = "\ufffd"


def header_text(header: str | None, max_length: int) -> str | None:
    """Return a header as text of that length at most, None when it is empty.

    Headers are hostile. What was no UTF-8 came as lone surrogates, which no JSON holds: they are replaced, and so is what
    cannot be printed.
    """
    if not header:
        return None
    text = header.encode("utf-8", "surrogateescape").decode("utf-8", "replace")[:max_length]
    return text if text.isprintable() else "".join(each if each.isprintable() else _REPLACEMENT for each in text)
