"""Tokens in the addresses that prospects are given: whose they are and what they open, under a MAC.

    v1.<key id>.<payload>.<mac>

A token never expires: whoever rotates keys puts the new one first and keeps the old ones. It holds ids only, no address and
no URL, so that it tells a stranger nothing and can send nobody anywhere. The kind stands in the payload and in the key's
derivation: a token of one kind is none of another.

Source: HMAC-SHA256 of RFC 2104, truncated to 128 bits (§5); one expansion of HKDF, RFC 5869, per kind.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, get_args

import orjson

TokenKind = Literal["link", "file", "open", "click", "unsubscribe", "form", "confirm"]

TOKEN_MAX_LENGTH: Final = 512
SECRET_MIN_LENGTH: Final = 32
_MAC_BYTES: Final = 16
_KINDS: Final = frozenset(get_args(TokenKind))
_KEY_ID: Final = re.compile(r"[a-z0-9]{1,16}", re.ASCII).fullmatch
_BASE64: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII).fullmatch


class TokenError(ValueError):
    """Not a token that was given out, or not of the kind asked for."""


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key and the id that tokens name it by."""

    id: str
    secret: bytes


@dataclass(frozen=True, slots=True)
class Token:
    """What an address stands for. `more` are further ids of the kind's own, say of a message and a link in it."""

    kind: TokenKind
    asset_id: str
    prospect_id: str
    more: tuple[str, ...] = ()


def read_keys(text: str) -> tuple[TokenKey, ...]:
    """Read `<id>:<secret>[,<id>:<secret>...]`; the first key signs, all verify. Raises ValueError, which quotes nothing."""
    keys = []
    for item in text.split(","):
        key_id, _, secret = item.strip().partition(":")
        if not _KEY_ID(key_id) or len(secret) < SECRET_MIN_LENGTH:
            raise ValueError(
                f"keys are <id>:<secret> with commas between; an id is 1 to 16 of a-z and 0-9, a secret has at least "
                f"{SECRET_MIN_LENGTH} characters"
            )
        keys.append(TokenKey(key_id, secret.encode()))
    if len({key.id for key in keys}) < len(keys):
        raise ValueError("two keys have the same id")
    return tuple(keys)


def issue(token: Token, keys: Sequence[TokenKey]) -> str:
    """Write a token under the first key."""
    key = keys[0]
    payload = _written(orjson.dumps((token.kind, token.asset_id, token.prospect_id, *token.more)))
    text = f"v1.{key.id}.{payload}.{_mac(key, token.kind, payload)}"
    if len(text) > TOKEN_MAX_LENGTH:
        raise ValueError(f"a token has at most {TOKEN_MAX_LENGTH} characters")
    return text


def verified(text: str, kind: TokenKind, keys: Sequence[TokenKey]) -> Token:
    """Return what a token of this kind stands for. Raises TokenError for anything else, whatever is wrong with it."""
    version, key_id, payload, mac = _parts(text)
    for key in keys:
        if key.id == key_id and version == "v1" and hmac.compare_digest(_mac(key, kind, payload), mac):
            return _token(payload, kind)
    raise TokenError


def _parts(text: str) -> tuple[str, str, str, str]:
    if len(text) > TOKEN_MAX_LENGTH or not text.isascii():
        raise TokenError
    match text.split("."):
        case [version, key_id, payload, mac]:
            return version, key_id, payload, mac
        case _:
            raise TokenError


def _token(payload: str, kind: TokenKind) -> Token:
    try:
        found, asset_id, prospect_id, *more = orjson.loads(_bytes(payload))
    except ValueError:  # binascii's and orjson's errors are, too
        raise TokenError from None
    if found != kind or kind not in _KINDS:
        raise TokenError
    return Token(kind, asset_id, prospect_id, tuple(more))


def _mac(key: TokenKey, kind: str, payload: str) -> str:
    mac = _keyed(key, kind).copy()
    mac.update(payload.encode())
    return _written(mac.digest()[:_MAC_BYTES])


@lru_cache(maxsize=64)
def _keyed(key: TokenKey, kind: str) -> hmac.HMAC:
    """Return the MAC of nothing yet under the key derived for the kind, to be copied: both take longer than what follows."""
    derived = hmac.digest(key.secret, b"finish/token/v1/" + kind.encode() + b"\x01", "sha256")
    return hmac.new(derived, digestmod="sha256")


def _written(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    if not _BASE64(text):
        raise ValueError
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise ValueError from None
