import pytest
from pydantic import ValidationError

from services.executors.settings import ExecutorsSettings


def test_mail_is_set_from_the_environment_and_its_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "FA_MAIL__USER": "finish",
        "FA_MAIL__PASSWORD": "hunter2",
        "FA_MAIL__PUBLIC_URL": "https://go.shop.example/",
        "FA_MAIL__QUIET_FROM": "21:00",
        "FA_MAIL__QUIET_UNTIL": "08:00",
        "FA_MAIL__QUIET_ZONE": "Europe/Vienna",
        "FA_TOKENS__KEYS": f"k1:{'s' * 32}",
    }.items():
        monkeypatch.setenv(name, value)
    settings = ExecutorsSettings()
    assert (settings.mail.public_url, str(settings.mail.quiet_from)) == ("https://go.shop.example", "21:00:00")
    assert [key.id for key in settings.tokens.read()] == ["k1"]
    assert "hunter2" not in repr(settings) + settings.model_dump_json()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("QUIET_FROM", "21:00"),
        ("QUIET_ZONE", "Europe/Atlantis"),
        ("USER", "finish"),
        ("SENDER_EMAIL", "nobody"),
        ("DOMAIN", "a b"),
        ("PUBLIC_URL", "ftp://x"),
        ("CAP", "101"),
        ("HOSTS", "x"),
    ],
)
def test_what_cannot_work_is_refused_at_the_start(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"FA_MAIL__{name}", value)
    with pytest.raises(ValidationError):
        ExecutorsSettings()
