"""The way in: from a client's log of one prospect to what must be there once all is settled."""

from datetime import datetime

from tests.chaos.model.expectation import Expected, ExpectedInteraction
from tests.chaos.model.identity import change_uid
from tests.chaos.model.log import (
    Accepted,
    Changed,
    Consented,
    Created,
    Definitions,
    ProspectLog,
    Record,
    consented,
    record,
)
from tests.chaos.model.params import written
from tests.chaos.model.sequences import Happening, Memory, discarded, play
from tests.chaos.model.triggers import raised


def expect(log: ProspectLog, definitions: Definitions) -> Expected:
    """Tell one prospect's story."""
    nobody = record({})
    memory = Memory(nobody, nobody)
    interactions: list[ExpectedInteraction] = []
    duplicates = 0
    for entry in log.entries:
        match entry:
            case Accepted():
                happening = _accepted(entry, log.prospect_id)
                if memory.repeats(happening.event["uid"], entry.recorded):
                    duplicates += 1
                    continue
                interactions += play([happening], memory, definitions)
                memory.write(memory.kept)
            case Consented():
                memory.write(consented(memory.record, entry.consent))
            case Created() | Changed():
                before = None if isinstance(entry, Created) else memory.record
                memory.write(_spelled(entry.values, definitions))
                raised_now = _written(entry, log.prospect_id, before, memory.record, definitions)
                with memory.change(entry.recorded):
                    interactions += play(raised_now, memory, definitions)
    return Expected(memory.record, tuple(interactions), duplicates)


def expect_anonymous(entry: Accepted, definitions: Definitions) -> ExpectedInteraction:
    """Tell what becomes of an interaction of nobody known: it is kept, and fires nothing."""
    happening = _accepted(entry, "")
    return discarded(happening, definitions.at(happening.event["subject"], entry.version), "anonymous")


def _accepted(entry: Accepted, prospect_id: str) -> Happening:
    event = {"data": {}, **entry.event, "uid": entry.uid, "prospect_id": prospect_id, "recorded": entry.recorded}
    return Happening(event, entry.version, entry.prospect_list_version)


def _spelled(values: Record, definitions: Definitions) -> Record:
    """Spell instants in one way, so that the same one is no change."""
    fields = {
        name: written(datetime.fromisoformat(value), "datetime") if definitions.types.get(name) == "datetime" else value
        for name, value in values["fields"].items()
    }
    return {**values, "fields": fields}


def _written(
    entry: Created | Changed, prospect_id: str, before: Record | None, after: Record, definitions: Definitions
) -> list[Happening]:
    version = 1 if isinstance(entry, Created) else entry.version
    listed = entry.prospect_list_version
    watched = {action["trigger"] for action in definitions.at("prospect", listed).actions}
    return [
        Happening(
            {
                "uid": change_uid(prospect_id, version, trigger),
                "type": f"prospect.{trigger}",
                "subject": "prospect",
                "source": "/prospects",
                "time": entry.recorded.isoformat(),
                "data": {},
                "prospect_id": prospect_id,
                "recorded": entry.recorded,
            },
            listed,
            listed,
            change=change,
        )
        for trigger, change in raised(before, after, entry.by, 0)
        if trigger in watched
    ]
