"""`add_tags` and `remove_tags`: set semantics, case-insensitive, the first spelling kept."""

from typing import Annotated

from pydantic import Field, StringConstraints

from schemas.contract import Input

Tag = Annotated[
    str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class TagsParams(Input):
    """`tags` are compared after trimming, NFC and lower case."""

    tags: tuple[Tag, ...] = Field(min_length=1, max_length=50)
