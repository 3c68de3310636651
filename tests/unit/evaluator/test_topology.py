import pytest

from schemas import topics
from services.evaluator.topology import TopologyError, _one_count

EQUAL = {topic.name: 8 for topic in topics.ALL if topic.keyed}


def test_the_count_that_all_keyed_topics_share_is_returned() -> None:
    assert _one_count(EQUAL) == 8


def test_a_missing_topic_is_named() -> None:
    with pytest.raises(TopologyError, match=r"topics are missing: finish\.decisions\.v1$"):
        _one_count(EQUAL | {topics.DECISIONS: 0})


def test_different_counts_are_shown() -> None:
    with pytest.raises(TopologyError, match=r"finish\.decisions\.v1 9, finish\.evaluator-state\.v1 8"):
        _one_count(EQUAL | {topics.DECISIONS: 9})
