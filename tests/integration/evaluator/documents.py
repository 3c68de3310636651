"""Records of the log and the definitions, small but whole."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID, uuid5

import orjson

from schemas import interactions, snapshots
from schemas.identity import interaction_uid

NAMESPACE: Final = UUID(int=7)
ASSET_ID: Final = "asset-1"
_TIME: Final = "2026-01-31T12:00:00.000000Z"
_ADD_HOT: Final = {
    "id": "a1",
    "name": "Tag it",
    "trigger": "clicked",
    "type": "add_tags",
    "params": {"tags": ["hot"]},
}


def prospect_id(number: int) -> str:
    return str(uuid5(NAMESPACE, str(number)))


def action_list(version: int, actions: Sequence[dict[str, Any]] = (_ADD_HOT,)) -> bytes:
    return orjson.dumps(
        {
            "schema": 1,
            "record": "action_list",
            "asset_id": ASSET_ID,
            "asset_kind": "redirect_link",
            "version": version,
            "actions": list(actions),
        }
    )


def snapshot(prospect: str, version: int = 1) -> bytes:
    return orjson.dumps(
        {
            "specversion": "1.0",
            "dataschema": snapshots.DATASCHEMA,
            "id": f"{prospect}/{version}",
            "source": "/prospects",
            "type": snapshots.TYPE,
            "subject": prospect,
            "prospectid": prospect,
            "prospectlistversion": 0,
            "recordedtime": _TIME,
            "data": {"version": version, "writer": "test", "values": {"score": 5}, "marks": {}, "change": None},
        }
    )


def click(prospect: str, event_id: str, **changes: Any) -> bytes:
    event: dict[str, Any] = {
        "specversion": "1.0",
        "dataschema": interactions.DATASCHEMA,
        "id": event_id,
        "source": "test",
        "type": "redirect_link.clicked",
        "subject": ASSET_ID,
        "time": _TIME,
        "uid": interaction_uid("test", event_id),
        "prospectid": prospect,
        "actionlistversion": 1,
        "prospectlistversion": 0,
        "recordedtime": _TIME,
        "data": {},
    }
    return orjson.dumps(event | changes)
