"""What is told along with an upload."""

from typing import Annotated

from pydantic import StringConstraints

from schemas.contract import Input

_PLAIN = r"^[^\x00-\x1f\x7f-\x9f/\\\u2028\u2029\u202a-\u202e\u2066-\u2069]+$"


class FileQuery(Input):
    """The name that downloads get: no folder, nothing that only controls."""

    filename: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_PLAIN)]
