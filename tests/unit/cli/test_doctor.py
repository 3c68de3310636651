"""How the doctor judges what it has measured; that it measures right is for the real servers to show."""

import pytest

from core.decisions import STEP_VERSION
from deploy.topic_states import TopicState
from services.cli.doctor.broker import examine_offsets, examine_topics
from services.cli.doctor.clocks import judged_clock
from services.cli.doctor.database import _letters, _outbox, _steps
from services.cli.doctor.findings import Finding
from services.cli.doctor.groups import GROUPS, judged
from services.cli.settings import Cli

CLI = Cli()
EVALUATOR = GROUPS[0]
WEBHOOK = next(group for group in GROUPS if group.check == "lag webhook")


def topic(name: str, partitions: int, *, keyed: bool = True, expected: int = 8, policy: str = "delete") -> TopicState:
    return TopicState(name, keyed, partitions, expected, policy, "delete")


def states(findings: list[Finding]) -> list[str]:
    return [finding.state for finding in findings]


def test_topics_as_declared_are_one_good_line() -> None:
    (finding,) = examine_topics((topic("a", 8), topic("b", 8), topic("d", 1, keyed=False, expected=1)))
    assert (finding.state, finding.found) == ("ok", "all 3 as declared, keyed ones with 8 partitions")


def test_a_missing_topic_is_named_with_the_command_that_makes_it() -> None:
    (finding,) = examine_topics((topic("a", 8), topic("b", 0)))
    assert (finding.state, finding.found) == ("failed", "missing: b")
    assert "finish topics apply" in finding.remedy


def test_a_keyed_topic_with_another_count_than_its_siblings_has_failed() -> None:
    findings = examine_topics((topic("a", 8), topic("b", 5)))
    assert states(findings) == ["failed", "failed"]
    assert findings[0].found == "keyed topics have different counts: 5, 8"
    assert "the topic b has 5 partitions, 8 are needed" in findings[1].found


def test_all_keyed_topics_with_the_same_other_count_are_the_mistake_of_the_setting() -> None:
    (finding,) = examine_topics((topic("a", 4), topic("b", 4)))
    assert (finding.state, finding.remedy) == ("warning", "say FA_TOPICS__KEYED_PARTITIONS=4")


def test_an_unkeyed_topic_with_several_partitions_has_failed() -> None:
    findings = examine_topics((topic("a", 8), topic("d", 2, keyed=False, expected=1)))
    assert states(findings) == ["failed"]


def test_a_topic_with_another_policy_has_failed() -> None:
    (finding,) = examine_topics((topic("a", 8), topic("b", 8, policy="compact")))
    assert (finding.state, finding.found) == ("failed", "the topic b has cleanup.policy=compact, delete is needed")


def test_large_segments_of_the_groups_offsets_are_a_warning() -> None:
    (finding,) = examine_offsets(100 * 1024 * 1024)
    assert (finding.state, finding.check) == ("warning", "offsets")
    assert "segment.bytes" in finding.remedy
    assert not [*examine_offsets(10 * 1024 * 1024), *examine_offsets(None)]


@pytest.mark.parametrize(
    ("members", "lag", "state"),
    [(1, 0, "ok"), (2, 1000, "ok"), (2, 1001, "warning"), (0, 0, "warning"), (0, 1, "failed")],
)
def test_a_group_must_have_members_and_keep_up(members: int, lag: int, state: str) -> None:
    finding = judged(EVALUATOR, members, lag, CLI.lag_warning_records)
    assert finding.state == state
    assert bool(finding.remedy) is (state != "ok")
    if not members:
        assert "python -m services.evaluator" in finding.remedy


def test_an_outside_executor_that_nothing_has_been_sent_to_may_be_absent() -> None:
    assert judged(WEBHOOK, 0, 0, 1000).state == "ok"
    assert judged(WEBHOOK, 0, 1, 1000).state == "failed"


@pytest.mark.parametrize(
    ("difference_s", "state"), [(0.4, "ok"), (-1.9, "ok"), (3.0, "warning"), (-3.0, "warning"), (31.0, "failed")]
)
def test_clocks_may_differ_a_little(difference_s: float, state: str) -> None:
    assert judged_clock("database", difference_s, CLI).state == state


def test_a_clock_says_in_which_direction_it_is_wrong() -> None:
    assert judged_clock("database", 40.0, CLI).found == "40 s ahead of this machine's"
    assert judged_clock("database", -40.0, CLI).found == "40 s behind this machine's"


def test_rows_that_stay_in_the_outbox_point_to_the_relay() -> None:
    assert _outbox(3, 0.1, CLI).state == "ok"
    assert (_outbox(3, 6.0, CLI).state, _outbox(3, 61.0, CLI).state) == ("warning", "failed")
    assert "relay" in _outbox(20_000, 61.0, CLI).remedy
    assert _outbox(20_000, 61.0, CLI).found == "rows waiting: more than 10000, the oldest for 61 s"


def test_dead_letters_are_a_warning_until_somebody_has_looked() -> None:
    assert (_letters(0).state, _letters(2).state) == ("ok", "warning")


def test_decisions_of_another_step_are_a_warning() -> None:
    ours = {STEP_VERSION}
    assert (_steps(set()).state, _steps(ours).state, _steps(ours | {1}).state) == ("ok", "ok", "warning")
