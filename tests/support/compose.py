"""The compose file as an engine would see it: anchors merged, variables replaced by what the example file suggests."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import yaml

from tests.support.imports import ROOT

FOLDER: Final = ROOT / "deploy"
TEXT: Final = (FOLDER / "compose.yaml").read_text()
_VARIABLE: Final = re.compile(r"\$\{(?P<name>\w+)(?:(?P<sign>:[-?])(?P<rest>[^}]*))?\}")


_FILLED: Final = {"FA_TOKENS__KEYS": f"k1:{'t' * 32}"}


@cache
def document() -> dict[str, Any]:
    """Return the parsed file; a variable without a default becomes a placeholder."""
    filled = _VARIABLE.sub(
        lambda found: found["rest"] if found["sign"] == ":-" else _FILLED.get(found["name"], "Placeholder1"), TEXT
    )
    return dict(yaml.safe_load(filled))


def variables() -> Mapping[str, bool]:
    """Return the variables of the file, and whether each must be set."""
    return {found["name"]: found["sign"] == ":?" for found in _VARIABLE.finditer(TEXT)}


def processes() -> dict[str, dict[str, Any]]:
    """Return the services that run our image, by name."""
    return {name: service for name, service in document()["services"].items() if "build" in service}


def environment(service: Mapping[str, Any]) -> dict[str, str]:
    """Return what a service is told."""
    return dict(service.get("environment", {}))
