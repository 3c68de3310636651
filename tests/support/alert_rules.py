"""The alert rules, parsed."""

from collections.abc import Mapping
from typing import Any, Final

import yaml

from tests.support.imports import ROOT

FOLDER: Final = ROOT / "deploy" / "alerts"
RULES: Final[Mapping[str, Mapping[str, Any]]] = {
    rule["alert"]: rule
    for file in sorted(FOLDER.glob("*.yaml"))
    for group in yaml.safe_load(file.read_text())["groups"]
    for rule in group["rules"]
}
