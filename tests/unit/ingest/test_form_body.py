"""Urlencoded bodies, read strictly."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.problems import Problem
from services.ingest.form_body import parsed

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
_NAME = _TEXT.filter(bool)


def _read(raw: bytes) -> dict[str, list[str]]:
    return parsed(raw, fields_max=200)


@given(st.lists(st.tuples(_NAME, _TEXT), max_size=50))
def test_what_a_browser_writes_is_read_back(pairs: list[tuple[str, str]]) -> None:
    expected: dict[str, list[str]] = {}
    for name, value in pairs:
        expected.setdefault(name, []).append(value)
    assert _read(urlencode(pairs).encode()) == expected


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        (b"", {}),
        (b"a", {"a": [""]}),
        (b"a=", {"a": [""]}),
        (b"&&a=1&", {"a": ["1"]}),
        (b"a=1=2", {"a": ["1=2"]}),
        (b"a+b=c+d%2B", {"a b": ["c d+"]}),
        (b"a=%zz%4", {"a": ["%zz%4"]}),
        ("ä=ö".encode(), {"ä": ["ö"]}),
        (b"a;b=1;c=2", {"a;b": ["1;c=2"]}),
        (b"a=1&a=2", {"a": ["1", "2"]}),
    ],
)
def test_every_spelling_has_one_reading(raw: bytes, fields: dict[str, list[str]]) -> None:
    assert _read(raw) == fields


@pytest.mark.parametrize(
    "raw",
    [
        b"a=\xff",
        b"a=%ff",
        b"a=%ed%a0%80",
        b"%c3=1",
        b"a=%00",
        b"a\x00=1",
        b"=1",
        b"a" * 201 + b"=1",
        b"x" * 10_240,
        b"&".join(b"f%d=1" % number for number in range(201)),
        b"&" * 10_000,
    ],
)
def test_what_has_no_safe_reading_is_a_400_that_quotes_nothing(raw: bytes) -> None:
    with pytest.raises(Problem) as refused:
        _read(raw)
    assert (refused.value.status, refused.value.kind) == (400, "malformed-form")


def test_two_hundred_fields_with_names_of_two_hundred_characters_are_read() -> None:
    assert len(_read(b"&".join(b"f%0199d=1" % number for number in range(200)))) == 200
