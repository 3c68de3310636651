import pytest
from multidict import CIMultiDict

from services.ingest.bots import verdict

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Sec-Purpose", "prefetch"),
        ("sec-purpose", "Prefetch;prerender"),
        ("Sec-Purpose", "prefetch;anonymous-client-ip"),
        ("Purpose", "prefetch"),
        ("X-Moz", "prefetch"),
        ("X-Purpose", "preview"),
    ],
)
def test_a_browser_that_looks_ahead_says_so(name: str, value: str) -> None:
    found, reason = verdict(CIMultiDict({"User-Agent": CHROME, name: value}))
    assert (found, str(reason).lower()) == ("prefetch", f"{name}: {value.partition(';')[0].strip()}".lower())


@pytest.mark.parametrize(
    "agent",
    [
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "WhatsApp/2.23.20.0",
        "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
        "Mozilla/5.0 (compatible; proofpoint-urldefense)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0 Safari/537.36",
        "python-requests/2.32.3",
    ],
)
def test_what_names_itself_a_preview_or_a_scanner_is_one(agent: str) -> None:
    assert verdict({"User-Agent": agent})[0] == "scanner"


def test_an_image_proxy_opens_for_somebody_else() -> None:
    agent = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
    assert verdict({"User-Agent": agent})[0] == "proxy_open"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"User-Agent": ""},
        {"User-Agent": CHROME, "Sec-Fetch-User": "?1", "Sec-Fetch-Mode": "navigate"},
        {"User-Agent": "Mozilla/5.0 (Linux; Android 9; CUBOT X20) AppleWebKit/537.36"},
        {"User-Agent": "\ud800" * 8000, "Sec-Purpose": ";" * 8000},
    ],
)
def test_nobody_is_taken_for_a_person_and_no_telephone_for_a_machine(headers: dict[str, str]) -> None:
    assert verdict(headers) == ("unknown", None)
