"""JSON pointers, by the examples of RFC 6901 and by what leads nowhere."""

from typing import Any

import pytest

from core.pointers import pointed

DOCUMENT = {
    "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8, "nil": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", DOCUMENT), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1), ("/c%d", 2), ("/e^f", 3),
        ("/g|h", 4), ("/i\\j", 5), ('/k"l', 6), ("/ ", 7), ("/m~0n", 8), ("/nil", None),
    ],
)  # fmt: skip
def test_what_a_pointer_leads_to(pointer: str, value: Any) -> None:
    assert pointed(DOCUMENT, pointer) == value


@pytest.mark.parametrize("pointer", ["/none", "/foo/2", "/foo/01", "/foo/-1", "/foo/-", "/foo/x", "/nil/x", "/foo/0/0"])
def test_where_nothing_stands(pointer: str) -> None:
    with pytest.raises(KeyError):
        pointed(DOCUMENT, pointer)
