"""Write the topics as AsyncAPI 3.0, for those who read them without the product's code.

    python -m deploy.asyncapi

What travels in a topic is described by the JSON Schemas beside the file, by reference.

Source: https://www.asyncapi.com/docs/reference/specification/v3.0.0 and its Kafka bindings.
"""

import json
import sys
from typing import Any, Final

from deploy.schema_files import CONTRACTS, FOLDER
from schemas.action_lists import EXECUTOR_OF
from schemas.topics import ALL, DEAD_LETTERS, DECISIONS, DEFINITIONS, EVALUATOR_STATE, EXECUTORS, INTERACTIONS, commands

FILE: Final = FOLDER.parent / "asyncapi.json"
OWN: Final = (EVALUATOR_STATE,)
"""Topics that nobody but the evaluator reads: their bytes are no contract."""

_TOLD: Final = {
    INTERACTIONS: (
        "What prospects did, and snapshots of their records, in one order per prospect",
        ("interaction", "snapshot"),
    ),
    DEFINITIONS: ("Assets and versions of action lists", ("asset", "action-list")),
    DECISIONS: ("What was decided of each interaction", ("decision",)),
    DEAD_LETTERS: (
        "What could not be evaluated, and what became of its replay",
        ("dead-letter", "dead-letter-settled"),
    ),
    **{commands(name): (f"Commands for the executor {name}", ("command",)) for name in EXECUTORS},
}


def document() -> dict[str, Any]:
    """Describe every topic that is a contract."""
    files = {contract.name: contract.file for contract in CONTRACTS}
    named = sorted({name for _, names in _TOLD.values() for name in names})
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Finish Actions topics", "version": "1", "license": {"name": "Apache-2.0"}},
        "defaultContentType": "application/json",
        "channels": {
            topic.name: {
                "address": topic.name,
                "description": _description(topic.name),
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _TOLD[topic.name][1]},
                "bindings": {"kafka": {"topic": topic.name, "topicConfiguration": _configuration(topic.config)}},
            }
            for topic in ALL
            if topic.name not in OWN
        },
        "operations": {
            f"read.{topic.name}": {"action": "send", "channel": {"$ref": f"#/channels/{topic.name}"}}
            for topic in ALL
            if topic.name not in OWN
        },
        "components": {
            "messages": {
                name: {
                    "name": name,
                    "payload": {"$ref": f"./{FOLDER.name}/{files[name]}"},
                    "bindings": {"kafka": {"key": {"type": "string", "description": _key(name)}}},
                }
                for name in named
            }
        },
    }


def _description(topic: str) -> str:
    told = _TOLD[topic][0]
    types = sorted(kind for kind, executor in EXECUTOR_OF.items() if commands(executor) == topic)
    return f"{told}: {', '.join(types)}" if types else told


def _key(name: str) -> str:
    if name in ("asset", "action-list"):
        return "what is defined, and of a list its version"
    return "the prospect's id" if name != "interaction" else "the prospect's id, or `anon:<id>`"


def _configuration(config: dict[str, str]) -> dict[str, Any]:
    """Return what the binding knows of a topic's configuration."""
    known: dict[str, Any] = {"cleanup.policy": [config["cleanup.policy"]]}
    for name in ("retention.ms", "max.message.bytes"):
        if name in config:
            known[name] = int(config[name])
    return known


def text() -> str:
    """Write the document as its file has it."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
    sys.exit(0)
