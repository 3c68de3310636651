"""E-mail addresses: one @ with something on both sides, and nothing that could end a mail's header."""

from typing import Annotated, Final

from pydantic import StringConstraints

ADDRESS_MAX_LENGTH: Final = 254
ADDRESS_PATTERN: Final = r"^[^@\s\x00-\x1f\x7f<>]+@[^@\s\x00-\x1f\x7f<>]+$"

Address = Annotated[str, StringConstraints(max_length=ADDRESS_MAX_LENGTH, pattern=ADDRESS_PATTERN)]
TrimmedAddress = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=ADDRESS_MAX_LENGTH, pattern=ADDRESS_PATTERN)
]
