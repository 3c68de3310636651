"""What a fired action becomes: the command's bytes. Whatever is the same for all commands of an action, or of a sequence,
is encoded once; the keys' order is fixed, so that equal commands are equal bytes."""

from collections.abc import Callable
from typing import Any, Final

import orjson
from msgspec import Struct

from core.records import Interaction, instant
from schemas.identity import command_ids

_OFFSET_BITS: Final = 42
_NUMBER_BITS: Final = 14


def order(epoch: int, offset: int, number: int) -> int:
    """Return the place of a step's `number`-th command (from 0) in its prospect's log, as one 64-bit integer.

    It is at least 1: a mark of 0 says that nothing was carried out.
    """
    return ((epoch << _OFFSET_BITS | offset) << _NUMBER_BITS) + number + 1


class Emitted(Struct, frozen=True, gc=False):
    """One command to send: to which executor, in which bytes."""

    executor: str
    value: bytes


class OfAction(Struct, frozen=True, gc=False):
    """What all commands of an action in one version of its list have in common, encoded."""

    names: bytes
    type: bytes


class OfCause(Struct, frozen=True, gc=False):
    """What all commands that an interaction fires have in common, encoded; `identify` gives an action's command its id."""

    identify: Callable[[str], str]
    uid: bytes
    prospect_id: bytes
    end: bytes


def of_action(action_id: str, name: str, action_type: str, asset_id: str, version: int) -> OfAction:
    """Encode what is an action's own."""
    names = {"action_id": action_id, "action_name": name, "asset_id": asset_id, "version": version}
    return OfAction(orjson.dumps(names)[1:-1], orjson.dumps(action_type))


def of_cause(cause: Interaction) -> OfCause:
    """Encode what is an interaction's own."""
    end = b'"depth":%d,"recordedtime":%b' % (cause.depth, orjson.dumps(cause.recordedtime))
    return OfCause(command_ids(cause.uid), orjson.dumps(cause.uid), orjson.dumps(cause.prospect_id), end)


def encode(command_id: str, action: OfAction, cause: OfCause, params: bytes, place: int, rest: bytes = b"") -> bytes:
    """Write a command. `params` is their JSON, `rest` what `outside` gives."""
    return b'{"schema":1,"id":"%b","uid":%b,%b,"prospect_id":%b,"type":%b,"params":%b,"order":%d,%b%b}' % (
        command_id.encode(),
        cause.uid,
        action.names,
        cause.prospect_id,
        action.type,
        params,
        place,
        cause.end,
        rest,
    )


def outside(cause: Interaction, after: dict[str, str], delay_s: int | None, run_at: str | None) -> bytes:
    """Write what a command of an outside action says besides: what it waits for, and the interaction for its templates."""
    data: Any = cause.data
    if (change := cause.change) is not None:
        data = {"tags": change.tags, "lists": change.lists, "delta": change.delta, "by": change.by}
    document = {
        "after": after,
        "not_before": run_at if delay_s is None else instant(cause.recorded_ms + 1000 * delay_s),
        "interaction": {
            "uid": cause.uid,
            "type": cause.type,
            "subject": cause.subject,
            "time": cause.time,
            "data": data,
        },
    }
    return b"," + orjson.dumps(document)[1:-1]
