"""Where the running stack is: `stack.json`, as the local stack writes it when it is ready."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.errors import DeployError


@dataclass(frozen=True, slots=True)
class Address:
    """`ops` has the metrics servers of the services by name; empty where the stack does not tell."""

    ingest: str
    console: str
    api_key: str
    mail: str
    ops: dict[str, str] = field(default_factory=dict)


def read_address(file: Path) -> Address:
    """Read `stack.json`. Raises DeployError when there is none."""
    try:
        stack: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        raise DeployError(f"{file} is missing: no stack is running there; start one with `make run`") from None
    return Address(stack["ingest"], stack["console"], stack["api_key"], stack["mail"], stack.get("ops") or {})
