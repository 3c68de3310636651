"""What the browser of somebody who submitted a form is shown: the form's own page, or one of ours with its sentence."""

import string
from html import escape
from typing import Final
from urllib.parse import quote

from aiohttp import web

from services.chassis.problems import Problem
from services.ingest.browsers import DURABLE, PAGE_HEADERS
from services.ingest.form_records import Form

THANKS: Final = "Thank you. We have received what you sent."
ASKED: Final = f"{THANKS} If we do not know your address yet, we send you a mail: please confirm it."
_PAGE: Final = """<!DOCTYPE html>
<html>
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title></head>
<body><p>{message}</p></body>
</html>
"""


def accepted(form: Form, uid: str | None) -> web.Response:
    """Answer a submission that is durable, or that is taken for a machine's. Where it leads is the form's alone, whatever the
    request says."""
    headers = PAGE_HEADERS if uid is None else {**PAGE_HEADERS, DURABLE: uid}
    if url := form.settings.get("success_url"):
        return web.Response(status=303, headers={**headers, "Location": quote(url, safe=string.printable)})
    default = ASKED if form.settings.get("confirm") else THANKS
    message = escape(form.settings.get("success_message") or default)
    return web.Response(text=_PAGE.format(title="Received", message=message), content_type="text/html", headers=headers)


def refused(problem: Problem) -> web.Response:
    """Show a person what is wrong with a submission: the fields' names and the rules, nothing of what was sent."""
    wrong = [f"{each.pointer.removeprefix('/') or 'the form'} {each.detail}" for each in problem.errors]
    sentences = wrong or [": ".join(filter(None, (problem.title, problem.detail)))]
    message = "</p><p>".join(escape(sentence) for sentence in sentences)
    return web.Response(
        status=problem.status,
        text=_PAGE.format(title="Not received", message=message),
        content_type="text/html",
        headers={**PAGE_HEADERS, **problem.headers},
    )
