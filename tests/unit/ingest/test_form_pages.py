"""What a browser is shown after a submission."""

from typing import Any

import pytest

from services.ingest.form_pages import THANKS, accepted
from services.ingest.form_records import Form


def _answer(**settings: Any) -> Any:
    return accepted(Form("f", settings, {}), "a-uid")


def test_without_settings_it_is_a_page_of_ours() -> None:
    page = _answer()
    assert (page.status, page.content_type, page.charset) == (200, "text/html", "utf-8")
    assert THANKS in page.text
    assert dict(page.headers) == {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Content-Type": "text/html; charset=utf-8",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
        "finish-interaction": "a-uid",
    }


def test_the_forms_message_is_shown_as_the_text_that_it_is() -> None:
    page = _answer(success_message="<script>alert(\"1\")</script> & {title} 'ö'")
    assert "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; {title} &#x27;ö&#x27;" in page.text
    assert "<script" not in page.text


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("https://example.com/thanks?a=b%20c&d[]=1#e", "https://example.com/thanks?a=b%20c&d[]=1#e"),
        ("https://example.com/dänke", "https://example.com/d%C3%A4nke"),
    ],
)
def test_a_success_url_is_where_the_browser_is_sent(url: str, location: str) -> None:
    answer = _answer(success_url=url, success_message="not shown")
    assert (answer.status, answer.headers["Location"], answer.text) == (303, location, None)
    assert answer.headers["finish-interaction"] == "a-uid"
