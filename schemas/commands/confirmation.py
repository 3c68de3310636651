"""`confirm_address`: asks who gave an address that nobody knows to confirm it. No marketer writes it: a form that wants it does."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from schemas.contract import Input

CONFIRM_ADDRESS: Final = "confirm_address"


class ConfirmAddressParams(Input):
    """`submission` is the one that is held; the address stands with it alone."""

    submission: Annotated[UUID, Field(strict=False)]
