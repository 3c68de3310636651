import pytest
from pydantic import ValidationError

from services.console.bodies.assets import AssetChanges, NewAsset


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/",
        "http://example.com:8080/a?b=c#d",
        "https://xn--bcher-kva.example/",
        "https://[2001:db8::1]/",
    ],
)
def test_a_web_address_is_a_target(url: str) -> None:
    assert NewAsset(kind="redirect_link", name="A link", target_url=url).target_url == url


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "java\tscript:alert(1)",
        "//evil.example",
        "\\\\evil.example",
        "https:\\\\evil.example",
        "https://good.example@evil.example/",
        "https://user:secret@example.com/",
        "https://",
        "https:///path",
        "ftp://example.com/",
        "/relative",
        "https://example.com/\r\nSet-Cookie: a=b",
        " https://example.com/",
        "https://example.com:99999/",
        "https://[::1/",
        "",
    ],
)
def test_what_a_browser_must_not_be_sent_to_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        NewAsset(kind="redirect_link", name="A link", target_url=url)


def test_a_redirect_link_needs_its_target() -> None:
    with pytest.raises(ValidationError, match="target_url is required"):
        NewAsset(kind="redirect_link", name="A link")


def test_settings_are_those_that_were_given() -> None:
    assert AssetChanges(success_url=None, mapping={"mail": "email"}).settings() == {
        "success_url": None,
        "mapping": {"mail": "email"},
    }
