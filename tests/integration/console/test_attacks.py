"""Definitions that would send a prospect's browser where nobody meant it to go."""

import pytest

from tests.integration.console.conftest import Running
from tests.support.workspace import Refusal


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        " javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "//evil.example",
        "\\\\evil.example",
        "https:\\\\evil.example",
        "/relative",
        "https://good.example@evil.example/",
        "https://good.example/\r\nSet-Cookie: a=b",
        "https://",
        "http://:80/",
        "https://good.example:99999/",
        "https://[::1",
        "",
        "x" * 5000,
    ],
)
async def test_a_target_that_browsers_misread_is_refused_when_it_is_saved(console: Running, target: str) -> None:
    for body in (
        {"kind": "redirect_link", "name": "L", "target_url": target},
        {"kind": "form", "name": "F", "success_url": target},
    ):
        with pytest.raises(Refusal) as refusal:
            await console.work.api("POST", "/assets", body)
        assert refusal.value.status == 422
        assert [error["pointer"] for error in refusal.value.body["errors"]] == [f"/{list(body)[2]}"]
        assert "evil.example" not in str(refusal.value.body)
    assert await console.rows("SELECT FROM assets WHERE kind <> 'prospect'") == []
