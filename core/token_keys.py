"""The keys of tokens as a setting, `FA_TOKENS__KEYS`: the same in every process that issues tokens or verifies them."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr

from core.tokens import TokenKey, read_keys


def _readable(keys: SecretStr) -> SecretStr:
    read_keys(keys.get_secret_value())
    return keys


class TokenKeys(BaseModel):
    """`keys` in the form of `core.tokens.read_keys`; none: no token is issued, and none is valid."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: Annotated[SecretStr, AfterValidator(_readable)] | None = None

    def read(self) -> tuple[TokenKey, ...]:
        """Return the keys, the one that signs first."""
        return () if self.keys is None else read_keys(self.keys.get_secret_value())
