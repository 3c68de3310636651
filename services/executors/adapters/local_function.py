"""The process of one call of a local function: `python -I local_function.py <file> <fd>`; see `local_lambda`.

It stands on the standard library alone.
"""

import json
import os
import resource
import runpy
import sys
import time
from pathlib import Path
from typing import Any

_FILE_MAX_BYTES = 64 * 1024 * 1024


class Context:
    """What a handler reads of its call, by the names that AWS Lambda gives."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.aws_request_id: str = told["aws_request_id"]
        self.function_name: str = told["function_name"]
        self.function_version = "$LATEST"
        self.invoked_function_arn = f"local:{self.function_name}"
        self.memory_limit_in_mb = "0"
        self._until = time.monotonic() + float(told["timeout_s"])

    def get_remaining_time_in_millis(self) -> int:
        """Return how long it may go on."""
        return max(int(1000 * (self._until - time.monotonic())), 0)


def main(file: str, answers: int) -> None:
    """Call the handler once."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_MAX_BYTES, _FILE_MAX_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    context = Context(json.loads(sys.stdin.buffer.readline()))
    event = json.loads(sys.stdin.buffer.read())
    sys.path.insert(0, str(Path(file).parent))
    handler = runpy.run_path(file)["handler"]
    answer = json.dumps(handler(event, context)).encode()
    with os.fdopen(answers, "wb") as told:
        told.write(answer)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
