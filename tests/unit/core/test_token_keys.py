import pytest
from pydantic import ValidationError

from core.token_keys import TokenKeys
from core.tokens import TokenKey


def test_keys_are_read_newest_first_and_shown_to_nobody() -> None:
    setting = TokenKeys.model_validate({"keys": f"k2:{'n' * 32},k1:{'o' * 32}"})
    assert setting.read() == (TokenKey("k2", b"n" * 32), TokenKey("k1", b"o" * 32))
    assert "nnn" not in f"{setting} {setting.model_dump(mode='json')}"


def test_without_keys_there_are_none() -> None:
    assert TokenKeys().read() == ()


@pytest.mark.parametrize("text", ["", "secret-word", "k1:secret-word"])
def test_what_is_no_list_of_keys_is_one_sentence_that_quotes_nothing(text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TokenKeys.model_validate({"keys": text})
    (error,) = refused.value.errors(include_input=False)
    assert "keys are <id>:<secret>" in error["msg"]
    assert "secret-word" not in error["msg"]
