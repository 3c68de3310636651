"""What a form asks of a submission before anything of it counts: a field that people leave empty, a nonce, a time to fill it in.

A nonce says which form was loaded and when, under our MAC; each stands for one submission. Whoever fills in what nobody sees, or
is quicker than anybody can be, is told that all is well, and nothing happens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID, uuid4

from core.form_mapping import Fields
from core.tokens import Token, TokenError, TokenKey, issue, verified
from services.chassis.json_body import invalid
from services.chassis.problems import FieldError, Problem

NONCE_FIELD: Final = "finish-nonce"
"""The field that carries it: never the prospect's, and never shown to actions."""
NONCE_VALID: Final = timedelta(hours=2)
_AHEAD_MAX: Final = timedelta(minutes=1)
"""By which clocks of processes may differ."""

Machine = Literal["honeypot", "too-fast"]


@dataclass(frozen=True, slots=True)
class Guarded:
    """A submission as it goes on: its own fields, its nonce's id where it has one, and why it is taken for a machine's."""

    fields: Fields
    nonce: UUID | None
    machine: Machine | None = None


def new_nonce(form_id: str, keys: Sequence[TokenKey], now: datetime) -> str:
    """Return a nonce of the form that is loaded now. Raises Problem 503 without keys."""
    if not keys:
        raise Problem(503, "no-token-keys", "Nonces cannot be made", "FA_TOKENS__KEYS is not set")
    return issue(Token("form", form_id, str(uuid4()), (str(int(now.timestamp())),)), keys)


def guarded(
    form_id: str, settings: Mapping[str, Any], fields: Fields, keys: Sequence[TokenKey], now: datetime
) -> Guarded:
    """Judge a submission by what its form asks for. Raises Problem 422 where the nonce is missing, foreign or over."""
    least = settings.get("min_seconds") or 0
    trap = settings.get("honeypot")
    own = {name: values for name, values in fields.items() if name not in (NONCE_FIELD, trap)}
    given = fields.get(NONCE_FIELD)
    if given is None and not least and not settings.get("nonce"):
        nonce, age = None, None
    else:
        nonce, age = _read(form_id, given or (), keys, now)
    if trap is not None and any(fields.get(trap, ())):
        return Guarded(own, nonce, "honeypot")
    if age is not None and age < timedelta(seconds=least):
        return Guarded(own, nonce, "too-fast")
    return Guarded(own, nonce)


def _read(form_id: str, given: Sequence[str], keys: Sequence[TokenKey], now: datetime) -> tuple[UUID, timedelta]:
    try:
        (text,) = given
        token = verified(text, "form", keys)
        nonce, loaded_at = UUID(token.prospect_id), datetime.fromtimestamp(int(token.more[0]), UTC)
    except (TokenError, ValueError, IndexError, OverflowError):
        raise invalid([FieldError(f"/{NONCE_FIELD}", "is not the nonce of this form: load it again")]) from None
    age = now - loaded_at
    if token.asset_id != form_id or not -_AHEAD_MAX <= age <= NONCE_VALID:
        raise invalid([FieldError(f"/{NONCE_FIELD}", "is not the nonce of this form, or is over: load it again")])
    return nonce, age
