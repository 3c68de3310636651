import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.strict_json import StrictJsonError, decode

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20)


@given(values, st.booleans())
def test_ordinary_json_is_read_as_it_was_written(value: Any, ascii_only: bool) -> None:
    assert decode(json.dumps(value, ensure_ascii=ascii_only).encode(), depth_max=100) == value


spaces = st.sampled_from(["", "", "", " ", "\n", "\t", " \r\n "])
keys = st.sampled_from(["a", "b", ":", '\\":', "\\u0061", "a\\/b", "a/b", "\\u003a", "x\\n"])
literals = st.sampled_from(
    [
        "1", "-0", "1.5e3", "true", "null", '""', '"a"', '":"', '"\\":"', '"a\\":1"', "9223372036854775807", "1e400", "NaN",
        "9223372036854775808", "-9223372036854775808", "18446744073709551616", '"\\u0000"', '"\\ud800"', "[", "01",
    ]
)  # fmt: skip


def members(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    member = st.builds('{1}"{0}"{2}:{3}{4}'.format, keys, spaces, spaces, spaces, inner)
    return st.lists(member, max_size=4).map(lambda parts: f"{{{','.join(parts)}}}")


documents = st.recursive(
    literals, lambda inner: members(inner) | st.lists(inner, max_size=3).map(lambda parts: f"[{','.join(parts)}]")
)


def read_by_the_standard_library(text: str) -> Any:
    """Read it with one reader only, which sees every key and every number as they were written."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError
        return dict(pairs)

    def fitting(digits: str) -> int:
        if abs(int(digits)) >= 2**63:
            raise ValueError
        return int(digits)

    def constant(name: str) -> None:
        raise ValueError(name)

    value = json.loads(text, object_pairs_hook=once, parse_int=fitting, parse_constant=constant)
    written = json.dumps(value, ensure_ascii=False, allow_nan=False)
    written.encode()
    if "\\u0000" in written:
        raise ValueError
    return value


@given(documents)
def test_two_readers_never_disagree_about_what_is_read(text: str) -> None:
    try:
        expected = read_by_the_standard_library(text)
    except ValueError:
        with pytest.raises(StrictJsonError):
            decode(text.encode(), depth_max=100)
    else:
        assert json.dumps(decode(text.encode(), depth_max=100)) == json.dumps(expected)


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'{"a":1,"a":2}', "twice"),
        (b'{"a":1,"\\u0061":2}', "twice"),
        (b'[{"x":{"k":1,"k":1}}]', "twice"),
        (b'{"a" :1,"a":2}', "twice"),
        (b'{"a" :1,"a":":"}', "twice"),
        (b'{"a":1,"a"\n:2,"b":"\\":"}', "twice"),
        (b"NaN", "NaN"),
        (b"[-Infinity]", "NaN"),
        (b"1e400", "too large"),
        (b"-1e400", "too large"),
        (b"9223372036854775808", "64 bits"),
        (b'{"a":[18446744073709551616]}', "64 bits"),
        (b"[-9223372036854775808]", "64 bits"),
        (b"1" * 1_000_000, "64 bits"),
        (b'"a\x00b"', "not JSON"),
        (b'"a\\u0000b"', "NUL"),
        (b'{"a\\u0000":1}', "NUL"),
        (b'[[{"k":["\\u0000"]}]]', "NUL"),
        (b'"\\ud800"', "not JSON"),
        (b'{"\\udfff":1}', "not JSON"),
        (b'"\xff"', "UTF-8"),
        (b'"\xed\xa0\x80"', "UTF-8"),
        (b"[" * 100_000 + b"]" * 100_000, "deeper than 5"),
        (b'{"a":' * 6 + b"1" + b"}" * 6, "deeper than 5"),
        (b"[[[[[[]]]]]]", "deeper than 5"),
    ],
)
def test_what_readers_could_disagree_about_is_refused(raw: bytes, rule: str) -> None:
    with pytest.raises(StrictJsonError, match=rule):
        decode(raw, depth_max=5)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"[[[[[1]]]]]", [[[[[1]]]]]),
        (b'"\\ud83d\\ude00"', "\N{GRINNING FACE}"),
        (b'"\\\\u0000"', "\\u0000"),
        (b'"\\\\ud800"', "\\ud800"),
        (b"-9223372036854775807", -(2**63) + 1),
        (b"1e308", 1e308),
    ],
)
def test_what_only_looks_forbidden_is_read(raw: bytes, value: Any) -> None:
    assert decode(raw, depth_max=5) == value
