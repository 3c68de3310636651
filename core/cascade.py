"""Which record triggers a change raises: from the values before and after, whoever changed them."""

from collections.abc import Iterator, Mapping

from core.definitions import CompiledList
from core.records import Interaction, RecordChange, Snapshot
from core.text import key
from core.values import Values
from schemas.identity import cascade_uid, change_uid
from schemas.triggers import PROSPECT_ASSET_ID


def raised(before: Values | None, after: Values, by: str) -> Iterator[tuple[str, RecordChange]]:
    """Yield each trigger once, with its change, in the order of product.md §3. `created` comes alone."""
    if before is None:
        yield "created", RecordChange(before=Values(), after=after, by=by)
        return
    if before.fields != after.fields:
        yield "updated", RecordChange(before, after, by)
    if before.tags != after.tags:
        if added := _missing(after.tags, before.tags):
            yield "tag_added", RecordChange(before, after, by, tags=added)
        if removed := _missing(before.tags, after.tags):
            yield "tag_removed", RecordChange(before, after, by, tags=removed)
    if before.lists != after.lists:
        if joined := _subscribed(after.lists, before.lists):
            yield "list_joined", RecordChange(before, after, by, lists=joined)
        if left := _subscribed(before.lists, after.lists):
            yield "list_left", RecordChange(before, after, by, lists=left)
    if before.score != after.score:
        yield "score_changed", RecordChange(before, after, by, delta=after.score - before.score)
    if before.owner != after.owner:
        yield "owner_changed", RecordChange(before, after, by)
    if before.lead_id is None and after.lead_id is not None:
        yield "converted", RecordChange(before, after, by)


def _missing(tags: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    have = {key(tag) for tag in others}
    return tuple(tag for tag in tags if key(tag) not in have)


def _subscribed(lists: Mapping[str, str], others: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        list_id for list_id, status in lists.items() if status == "subscribed" and others.get(list_id) != "subscribed"
    )


def set_off_by_others(snapshot: Snapshot, actions: CompiledList) -> list[Interaction]:
    """Return the interactions that another writer's change raises, as far as the list has actions for them."""
    if not actions.triggers:
        return []
    return [
        _interaction(
            change,
            trigger,
            uid=change_uid(snapshot.prospect_id, snapshot.version, trigger),
            event_id=f"{snapshot.prospect_id}/{snapshot.version}/{trigger}",
            cause=snapshot,
            depth=snapshot.depth,
            caused_by=snapshot.caused_by,
        )
        for trigger, change in raised(snapshot.before, snapshot.values, snapshot.by)
        if trigger in actions.triggers
    ]


def set_off_by_command(
    command: str, before: Values, after: Values, cause: Interaction, actions: CompiledList
) -> list[Interaction]:
    """Return the interactions that a command's change raises, as far as the list has actions for them."""
    if not actions.triggers:
        return []
    return [
        _interaction(
            change,
            trigger,
            uid=cascade_uid(command, trigger),
            event_id=f"{command}/{trigger}",
            cause=cause,
            depth=cause.depth + 1,
            caused_by=cause.uid,
        )
        for trigger, change in raised(before, after, "executor")
        if trigger in actions.triggers
    ]


def _interaction(
    change: RecordChange,
    trigger: str,
    *,
    uid: str,
    event_id: str,
    cause: Interaction | Snapshot,
    depth: int,
    caused_by: str | None,
) -> Interaction:
    return Interaction(
        id=event_id,
        source="/prospects",
        type=f"prospect.{trigger}",
        subject=PROSPECT_ASSET_ID,
        time=cause.recordedtime,
        uid=uid,
        prospect_id=cause.prospect_id,
        version=cause.prospect_version,
        prospect_version=cause.prospect_version,
        recordedtime=cause.recordedtime,
        recorded_ms=cause.recorded_ms,
        depth=depth,
        caused_by=caused_by,
        change=change,
    )
