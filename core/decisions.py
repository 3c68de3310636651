"""The decision of one interaction, compact: what the list's version does not tell (`schemas.decisions.Decision`)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from core.records import Interaction
from schemas.outcomes import NotFired

STEP_VERSION: Final = 4
"""Of the machine's semantics: drain the log before deploying another. In 1 the order of the log's first command was 0, in 2 whoever
wrote a record moved the windows' clock, in 3 a change that came again once its uid was forgotten set off its actions again."""


def encode(
    cause: Interaction,
    place: int,
    fired: Sequence[int],
    derived: Sequence[str],
    reads: Mapping[str, Any],
    reason: NotFired | None,
    reasons: Mapping[str, NotFired],
) -> bytes:
    """Write a decision; the keys' order is fixed, so that equal decisions are equal bytes."""
    return orjson.dumps(
        {
            "schema": 1,
            "step_version": STEP_VERSION,
            "uid": cause.uid,
            "prospect_id": cause.prospect_id,
            "type": cause.type,
            "asset_id": cause.subject,
            "version": cause.version,
            "id": cause.id,
            "source": cause.source,
            "time": cause.time,
            "recordedtime": cause.recordedtime,
            "order": place,
            "depth": cause.depth,
            "caused_by": cause.caused_by,
            "derived": derived,
            "fired": fired,
            "reads": reads,
            "reason": reason,
            "reasons": reasons,
        }
    )
