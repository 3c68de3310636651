"""The image's recipe, parsed: its stages, and what each copies and runs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dockerfile_parse import DockerfileParser

from tests.support.imports import ROOT

DOCKERFILE: Final = ROOT / "deploy" / "Dockerfile"


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction. `words` are a RUN's program and arguments, or a COPY's sources and target."""

    instruction: str
    text: str
    words: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """From one FROM to the next."""

    base: str
    steps: list[Step] = field(default_factory=list)

    def texts(self, instruction: str) -> list[str]:
        """Return what stands behind each instruction of that kind, in order."""
        return [step.text for step in self.steps if step.instruction == instruction]


def stages() -> list[Stage]:
    """Parse the Dockerfile. Raises ValueError for a RUN or ENTRYPOINT that would go through a shell."""
    found: list[Stage] = []
    parser = DockerfileParser(str(DOCKERFILE))
    for entry in parser.structure:
        instruction, text = str(entry["instruction"]), str(entry["value"])
        if instruction == "FROM":
            found.append(Stage(text))
        elif found and instruction != "COMMENT":
            found[-1].steps.append(Step(instruction, text, _words(instruction, text)))
    return found


def _words(instruction: str, text: str) -> Sequence[str]:
    if instruction in ("RUN", "ENTRYPOINT", "CMD"):
        words: Any = json.loads(text)
        return [str(word) for word in words]
    return text.split()
