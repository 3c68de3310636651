"""What the client did and heard, line by line, as it happened: intent, then ok, refused or unknown. Its hash names the run."""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any


class History:
    """An append-only log of one run; written to a file if there is one."""

    def __init__(self, file: Path | None = None) -> None:
        self._hash = hashlib.sha256()
        self._out = None if file is None else file.open("w", encoding="utf-8")
        self.counts: Counter[str] = Counter()
        """How many lines of each kind there are."""

    def add(self, kind: str, **details: Any) -> None:
        """Append a line."""
        line = json.dumps({"kind": kind, **details}, separators=(",", ":")) + "\n"
        self.counts[kind] += 1
        self._hash.update(line.encode())
        if self._out is not None:
            self._out.write(line)

    @property
    def digest(self) -> str:
        """Return the SHA-256 of all lines so far."""
        return self._hash.hexdigest()

    def close(self) -> None:
        """Write the last lines out."""
        if self._out is not None:
            self._out.close()
