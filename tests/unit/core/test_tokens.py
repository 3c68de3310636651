import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.tokens import TOKEN_MAX_LENGTH, Token, TokenError, TokenKey, issue, read_keys, verified

OLD = TokenKey("k1", b"o" * 32)
NEW = TokenKey("k2", b"n" * 32)
TOKEN = Token("link", "spring-offer", "0d2f3c1e-8d1c-4a55-9f0a-3a4b0c5d6e7f")


def test_a_token_gives_back_what_it_was_made_of() -> None:
    for token in (TOKEN, Token("click", "mail.7", "a", ("message-1", "3"))):
        assert verified(issue(token, [NEW, OLD]), token.kind, [NEW, OLD]) == token


def test_the_newest_key_signs_and_tokens_of_older_keys_stay_valid_for_ever() -> None:
    of_old, of_new = issue(TOKEN, [OLD]), issue(TOKEN, [NEW, OLD])
    assert of_new.startswith("v1.k2.")
    assert verified(of_old, "link", [NEW, OLD]) == verified(of_new, "link", [NEW, OLD]) == TOKEN
    with pytest.raises(TokenError):
        verified(of_old, "link", [NEW])


def test_a_token_of_one_kind_opens_nothing_of_another() -> None:
    with pytest.raises(TokenError):
        verified(issue(TOKEN, [OLD]), "file", [OLD])


def test_a_token_is_short_and_survives_a_mail_and_a_url() -> None:
    text = issue(TOKEN, [OLD])
    assert len(text) < 140
    assert set(text) <= set(string.ascii_letters + string.digits + "._-")


def test_a_token_names_no_address_and_what_does_not_fit_is_not_made() -> None:
    with pytest.raises(ValueError, match=f"at most {TOKEN_MAX_LENGTH} characters"):
        issue(Token("link", "a", "p", ("x" * TOKEN_MAX_LENGTH,)), [OLD])


@given(st.data())
def test_no_change_of_a_character_goes_unnoticed(data: st.DataObject) -> None:
    text = issue(TOKEN, [OLD])
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(string.printable).filter(lambda character: character != text[place]))
    with pytest.raises(TokenError):
        verified(text[:place] + other + text[place + 1 :], "link", [OLD])


@given(st.text(max_size=600))
def test_any_other_text_is_refused_in_one_way(text: str) -> None:
    with pytest.raises(TokenError):
        verified(text, "link", [OLD])


def test_a_forged_payload_is_refused_before_it_is_read() -> None:
    version, key_id, _, mac = issue(TOKEN, [OLD]).split(".")
    payload = base64.urlsafe_b64encode(b'["link","other","p"]').rstrip(b"=").decode()
    with pytest.raises(TokenError):
        verified(f"{version}.{key_id}.{payload}.{mac}", "link", [OLD])


def test_keys_are_read_newest_first() -> None:
    assert read_keys(f"k2:{'n' * 32}, k1:{'o' * 32}") == (NEW, OLD)


@pytest.mark.parametrize("text", ["", "k1", "k1:short", f"K1:{'o' * 32}", f":{'o' * 32}", f"k1:{'o' * 32},"])
def test_what_is_no_list_of_keys_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="keys are <id>:<secret>") as refused:
        read_keys(text)
    assert "ooo" not in str(refused.value)


def test_two_keys_of_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="same id"):
        read_keys(f"k1:{'o' * 32},k1:{'n' * 32}")
