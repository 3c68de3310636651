"""SQL lives in files beside the code that runs it: `-- name: claim` starts a statement, which ends at the next name."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

_NAME = re.compile(r"^-- name: *([a-z][a-z0-9_]*) *$", re.MULTILINE)


def load_sql(path: Path) -> Mapping[str, str]:
    """Read the named statements of a file. Raises ValueError for text before the first name, or a name twice.

    Called at import, `SQL = load_sql(Path(__file__).with_name("outbox.sql"))`, so a mistake shows at the start.
    """
    head, *parts = _NAME.split(path.read_text(encoding="utf-8"))
    if any(line and not line.startswith("--") for line in head.splitlines()):
        raise ValueError(f"{path.name}: a statement without a name")
    names, texts = parts[::2], [text.strip() for text in parts[1::2]]
    if len(set(names)) != len(names) or not all(texts):
        raise ValueError(f"{path.name}: a name stands twice or has no statement")
    return MappingProxyType(dict(zip(names, texts, strict=True)))
