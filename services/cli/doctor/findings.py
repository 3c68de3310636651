"""What a check found."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. `remedy` is the sentence that says what to do; empty: nothing. No secret, no personal data in either."""

    state: State
    check: str
    found: str
    remedy: str = ""


def graded(value: float, warning: float, failed: float) -> State:
    """Judge a measured value, which is better when it is smaller."""
    return "failed" if value > failed else "warning" if value > warning else "ok"


def reason(exc: BaseException) -> str:
    """Name an error in a few words."""
    return str(exc) or type(exc).__name__
