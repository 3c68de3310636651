"""JSON pointers into documents of others.

Source: RFC 6901.
"""

import re
from typing import Any, Final

_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII).fullmatch


def pointed(document: Any, pointer: str) -> Any:
    """Return what stands in the document where the pointer says. Raises KeyError where nothing does."""
    value = document
    for step in pointer.split("/")[1:]:
        value = _member(value, step.replace("~1", "/").replace("~0", "~"))
    return value


def _member(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value[name]
    if isinstance(value, list) and _INDEX(name) and int(name) < len(value):
        return value[int(name)]
    raise KeyError(name)
