"""`add_tags`: tags whose key is absent are appended; more than the limit is refused whole."""

from collections.abc import Mapping
from typing import Any, Final

from schemas.commands.tags import TagsParams
from schemas.field_catalogue import TAGS_MAX
from services.executors.executor import RecordAction


def operands(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tags and how many a prospect may have."""
    return {"tags": TagsParams.model_validate(params, strict=False).tags, "tags_max": TAGS_MAX}


ACTION: Final = RecordAction("add_tags", operands)
