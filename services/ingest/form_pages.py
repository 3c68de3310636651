"""What the browser of somebody who submitted a form is shown: the form's own page, or one of ours with its sentence."""

import string
from html import escape
from typing import Final
from urllib.parse import quote

from aiohttp import web

from services.ingest.browsers import DURABLE, PAGE_HEADERS
from services.ingest.form_records import Form

THANKS: Final = "Thank you. We have received what you sent."
_PAGE: Final = """<!DOCTYPE html>
<html>
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title></head>
<body><p>{message}</p></body>
</html>
"""


def accepted(form: Form, uid: str) -> web.Response:
    """Answer a submission that is durable. Where it leads is the form's alone, whatever the request says."""
    headers = {**PAGE_HEADERS, DURABLE: uid}
    if url := form.settings.get("success_url"):
        return web.Response(status=303, headers={**headers, "Location": quote(url, safe=string.printable)})
    message = escape(form.settings.get("success_message") or THANKS)
    return web.Response(text=_PAGE.format(title="Received", message=message), content_type="text/html", headers=headers)
