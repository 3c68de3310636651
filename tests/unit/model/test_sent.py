"""What the checker says of the topics of commands."""

from datetime import UTC, datetime

import pytest

from tests.chaos.model.checker import Claim
from tests.chaos.model.log import Accepted, Created, Definitions, ProspectLog, SavedList, record
from tests.chaos.model.sent import Sent, differences

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
OWNER = "5b0c3a52-3b0b-4b0e-9a51-0d6f6f6e0001"
ACTIONS = [
    {"id": name, "name": name, "trigger": "clicked", "type": "add_tags", "params": {"tags": [name]}}
    for name in ("one", "two")
]


@pytest.fixture
def claim() -> Claim:
    event = {"id": "1", "source": "test", "type": "redirect_link.clicked", "subject": "page", "time": NOW.isoformat()}
    log = ProspectLog(OWNER, [Created(record({}), 0, NOW), Accepted(event, 1, 0, NOW)])
    return Claim({OWNER: log}, Definitions({}, {("page", 1): SavedList(ACTIONS)}))


def sent(claim: Claim, *places: int, digest: bytes = b"same") -> Sent:
    ids = [outcome.command.id for _, _, outcome in claim.outcomes]
    log = Sent()
    for place in places:
        log.note("tags", OWNER, ids[place], bytes(bytearray(digest)))
    return log


def told(claim: Claim, log: Sent) -> list[str]:
    return [text.partition(" ")[0] for text in differences(claim, log)]


def test_what_was_asked_for_in_its_order_is_right_and_so_is_a_repeat_of_it(claim: Claim) -> None:
    assert told(claim, sent(claim, 0, 1)) == []
    assert told(claim, sent(claim, 0, 1, 0, 1)) == []


def test_a_command_that_was_never_sent_is_told(claim: Claim) -> None:
    assert told(claim, sent(claim, 0)) == ["I5"]
    assert told(claim, Sent()) == ["I5", "I5"]


def test_commands_in_another_order_are_told(claim: Claim) -> None:
    assert told(claim, sent(claim, 1, 0)) == ["I6"]


def test_a_command_that_nobody_asked_for_is_told_of_our_prospects_only(claim: Claim) -> None:
    log = sent(claim, 0, 1)
    log.note("score", OWNER, "a command", b"")
    log.note("score", "somebody else", "another", b"")
    assert told(claim, log) == ["I2"]


def test_a_repeat_with_other_bytes_is_told(claim: Claim) -> None:
    log = sent(claim, 0, 1)
    (first, *_) = log.digests
    log.note("tags", OWNER, first, b"other")
    assert told(claim, log) == ["I4"]


def test_of_the_erased_nothing_is_told(claim: Claim) -> None:
    claim.erased = {OWNER}
    assert told(claim, Sent()) == []
