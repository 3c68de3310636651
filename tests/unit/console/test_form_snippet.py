"""The HTML of a form: every mapped field, its guards, and nothing that a name could break out of."""

from html.parser import HTMLParser
from typing import Any

import pytest

from services.console.form_snippet import snippet

URL = "https://go.example"


class Read(HTMLParser):
    """What a browser finds."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.inputs: dict[str, dict[str, str | None]] = {}
        self.action: str | None = None
        self.scripts = 0
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input":
            self.inputs[str(given["name"])] = given
        elif tag == "form":
            self.action = given["action"]
        self.scripts += tag == "script"

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_plain_form_has_its_fields_with_their_labels() -> None:
    found = Read(snippet("contact", {"mapping": {"mail": "email", "firm": "company"}}, {"company": "Company"}, URL))
    assert found.action == "https://go.example/s/contact"
    assert found.inputs.keys() == {"mail", "firm"}
    assert (found.inputs["mail"]["type"], found.scripts) == ("email", 0)
    assert "Company" in found.text


@pytest.mark.parametrize("settings", [{"nonce": True}, {"min_seconds": 3}])
def test_a_guarded_form_fetches_its_nonce(settings: dict[str, Any]) -> None:
    html = snippet("contact", {"mapping": {}, "honeypot": "website", **settings}, {}, URL)
    found = Read(html)
    assert found.inputs.keys() == {"website", "finish-nonce"}
    assert found.inputs["website"]["tabindex"] == "-1"
    assert found.scripts == 1
    assert 'fetch("https://go.example/s/contact/nonce")' in html


def test_names_and_labels_are_text() -> None:
    evil = '"><script>alert(1)</script>'
    found = Read(snippet("contact", {"mapping": {evil: "company"}, "honeypot": evil + "2"}, {"company": evil}, URL))
    assert found.inputs.keys() == {evil, evil + "2"}
    assert found.scripts == 0
