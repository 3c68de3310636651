"""Write the contracts as JSON Schemas, for those who speak to the product without its code.

    python -m deploy.schema_files

A file of the version that is being written is only replaced by a compatible one: whoever breaks a contract gives it a new
version, and the old one's file stays.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from deploy.schema_compatibility import breaks
from schemas.action_lists import ActionList, Actions
from schemas.assets import Asset
from schemas.commands.command import Command
from schemas.commands.email import SendEmailParams
from schemas.commands.fields import ChangeFieldValueEffect
from schemas.commands.lambda_ import ExecuteLambdaParams
from schemas.commands.leads import ConvertToLeadEffect
from schemas.commands.lists import AddToListParams, RemoveFromListParams
from schemas.commands.notify import NotifyUserParams
from schemas.commands.owner import AssignOwnerEffect
from schemas.commands.score import AdjustScoreParams
from schemas.commands.tags import TagsParams
from schemas.commands.tasks import CreateCrmTaskParams
from schemas.commands.webhook import FireWebhookParams
from schemas.dead_letters import DeadLetter, DeadLetterSettled
from schemas.decisions import Decision
from schemas.interactions import Interaction, PostedEvent
from schemas.snapshots import Snapshot

FOLDER: Final = Path(__file__).parents[1] / "schemas" / "snapshots"

PARAMS: Final[Mapping[str, type[BaseModel]]] = {
    "add_tags": TagsParams,
    "remove_tags": TagsParams,
    "adjust_score": AdjustScoreParams,
    "convert_to_lead": ConvertToLeadEffect,
    "assign_owner": AssignOwnerEffect,
    "change_field_value": ChangeFieldValueEffect,
    "add_to_list": AddToListParams,
    "remove_from_list": RemoveFromListParams,
    "send_email": SendEmailParams,
    "notify_user": NotifyUserParams,
    "create_crm_task": CreateCrmTaskParams,
    "fire_webhook": FireWebhookParams,
    "execute_lambda": ExecuteLambdaParams,
}
"""What a command of a type carries as its parameters."""


@dataclass(frozen=True, slots=True)
class Written:
    """A contract and where it is written. `record`: it travels in a topic; else a client sends it."""

    name: str
    model: type[BaseModel]
    version: int = 1
    record: bool = True

    @property
    def file(self) -> str:
        """Name its file."""
        return f"{self.name}.v{self.version}.json"

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"urn:finish:schema:{self.name}:{self.version}",
            **self.model.model_json_schema(by_alias=True),
        }


CONTRACTS: Final = (
    Written("posted-event", PostedEvent, record=False),
    Written("actions", Actions, record=False),
    Written("interaction", Interaction),
    Written("snapshot", Snapshot),
    Written("action-list", ActionList),
    Written("asset", Asset),
    Written("decision", Decision),
    Written("dead-letter", DeadLetter),
    Written("dead-letter-settled", DeadLetterSettled),
    Written("command", Command),
    *(Written(f"command.{action_type}", model) for action_type, model in PARAMS.items()),
)


def text_of(schema: Mapping[str, Any]) -> str:
    """Write a schema as its file has it."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def write(contracts: Iterable[Written], folder: Path) -> list[str]:
    """Write the files of contracts; return what would break and was therefore not written."""
    broken: list[str] = []
    for contract in contracts:
        path, schema = folder / contract.file, contract.schema()
        found = breaks(json.loads(path.read_text()), schema, record=contract.record) if path.exists() else []
        if found:
            broken += [f"{contract.file}{difference}" for difference in found]
        else:
            path.write_text(text_of(schema))
    return broken


def main() -> int:
    """Write all files, or say which contracts need a new version."""
    broken = write(CONTRACTS, FOLDER)
    for difference in broken:
        print(difference)
    if broken:
        print("These changes break who holds to the contract: make them compatible, or give it a new version.")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
