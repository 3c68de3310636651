"""`docs/settings.md` says what the models say."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, PositiveInt, SecretStr
from pydantic_settings import NoDecode

from deploy.settings_docs import FILE, ROOT, all_sections, sections, services, text
from services.chassis.settings import Concern

STALE = "run: make settings-docs"


class Inner(Concern):
    """Within."""

    size_max_bytes: PositiveInt = 1
    """How large."""


class Outer(Concern):
    """Around."""

    key: SecretStr = SecretStr("hunter2")
    spare: SecretStr | None = None
    names: tuple[str, ...] = ("a", "b")
    days: PositiveInt | None = None
    by_name: dict[str, int] = Field(default={})
    proxies: Annotated[tuple[str, ...], NoDecode] = ()
    found_at: Path = ROOT / ".local"
    on: bool = True
    kept_for: ClassVar[int] = 3
    inner: Inner = Inner(size_max_bytes=7)


def test_the_committed_page_is_up_to_date() -> None:
    assert FILE.read_text() == text(), STALE


def test_every_variable_stands_on_the_page_once() -> None:
    names = [row.name for title, section in all_sections() for row in section.rows if not title.startswith("The local")]
    assert len(names) == len(set(names))


def test_every_service_with_settings_is_on_the_page() -> None:
    assert {kind.name for kind in services()} >= {"console", "evaluator", "executors", "history", "ingest", "relay"}


def test_a_row_tells_type_default_and_meaning_and_no_secret() -> None:
    outer, inner = sections(Outer, "FA_OUTER__")
    assert (outer.names, outer.meaning, inner.names, inner.meaning) == (
        "FA_OUTER__*",
        "Around.",
        "FA_OUTER__INNER__*",
        "Within.",
    )
    assert [(row.name, row.type, row.default, row.meaning) for row in (*outer.rows, *inner.rows)] == [
        ("FA_OUTER__KEY", "secret", "(secret)", ""),
        ("FA_OUTER__SPARE", "secret, or nothing", "nothing", ""),
        ("FA_OUTER__NAMES", "JSON list of text", '`["a","b"]`', ""),
        ("FA_OUTER__DAYS", "integer > 0, or nothing", "nothing", ""),
        ("FA_OUTER__BY_NAME", "JSON object of text to integer", "`{}`", ""),
        ("FA_OUTER__PROXIES", "with commas: text", "`[]`", ""),
        ("FA_OUTER__FOUND_AT", "path", "`.local`", ""),
        ("FA_OUTER__ON", "true, false", "`true`", ""),
        ("FA_OUTER__INNER__SIZE_MAX_BYTES", "integer > 0", "`7`", "How large."),
    ]
