import base64

import pytest

from services.chassis.problems import Problem
from services.console.paging import cut, decode_cursor, encode_cursor


def test_a_cursor_gives_back_what_it_was_made_of() -> None:
    cursor = encode_cursor("2026-01-31T12:00:00+00:00", 7, "ü/~")
    assert decode_cursor(cursor, str, int, str) == ["2026-01-31T12:00:00+00:00", 7, "ü/~"]


def test_a_cursor_needs_no_escaping_in_a_query() -> None:
    assert all(character.isalnum() or character in "-_" for character in encode_cursor("?>?>", 2**62))


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "ü",
        "%%%",
        base64.urlsafe_b64encode(b"{}").decode(),
        base64.urlsafe_b64encode(b'["a"]').decode(),
        base64.urlsafe_b64encode(b'["a",1,2]').decode(),
        base64.urlsafe_b64encode(b'["a",true]').decode(),
        base64.urlsafe_b64encode(b'["\\u0000",1]').decode(),
        base64.urlsafe_b64encode(b'["a",9223372036854775808]').decode(),
    ],
)
def test_another_text_than_a_cursor_of_the_call_is_400(text: str) -> None:
    with pytest.raises(Problem) as raised:
        decode_cursor(text, str, int)
    assert raised.value.status == 400


def test_the_row_beyond_the_limit_only_says_that_there_is_more() -> None:
    assert cut([1, 2, 3], 2) == ([1, 2], True)
    assert cut([1, 2], 2) == ([1, 2], False)
