from uuid import UUID

from services.relay.outbox import EXECUTOR_SNAPSHOT, Letter, Row, needed
from services.relay.publish import compact


def rows(*kinds: tuple[str, str]) -> list[Row]:
    return [
        Row(seq, "definitions" if kind == "asset" else "interactions", key, kind, "{}")
        for seq, (key, kind) in enumerate(kinds)
    ]


def kept(*kinds: tuple[str, str]) -> list[int]:
    return [row.seq for row in needed(rows(*kinds))]


def test_only_the_newest_of_consecutive_executor_snapshots_of_one_prospect_is_needed() -> None:
    assert kept(*[("a", EXECUTOR_SNAPSHOT)] * 3) == [2]


def test_what_other_prospects_write_in_between_does_not_matter() -> None:
    assert kept(("a", EXECUTOR_SNAPSHOT), ("b", EXECUTOR_SNAPSHOT), ("x", "asset"), ("a", EXECUTOR_SNAPSHOT)) == [
        1,
        2,
        3,
    ]


def test_a_snapshot_by_another_writer_or_an_interaction_separates_them() -> None:
    assert kept(("a", EXECUTOR_SNAPSHOT), ("a", "snapshot"), ("a", EXECUTOR_SNAPSHOT)) == [0, 1, 2]
    assert kept(("a", EXECUTOR_SNAPSHOT), ("a", "interaction"), ("a", EXECUTOR_SNAPSHOT)) == [0, 1, 2]
    assert kept(("a", "snapshot"), ("a", "snapshot")) == [0, 1]


def test_of_replays_those_are_needed_whose_letter_is_there() -> None:
    letter = Letter(UUID(int=1), "finish.interactions.v1", 0, None, b"x")
    there, gone = Row(0, "replay", str(letter.id), "replay", "{}", letter), Row(1, "replay", "b", "replay", "{}")
    assert needed([there, gone, there]) == [there, there]


def test_payloads_lose_the_databases_spaces_and_nothing_else() -> None:
    assert compact('{"a": 12345678901.2345, "b": [1, null, "x: y"]}') == b'{"a":12345678901.2345,"b":[1,null,"x: y"]}'


def test_a_payload_past_what_a_double_holds_goes_as_it_is() -> None:
    text = '{"n": ' + "9" * 400 + "}"
    assert compact(text) == text.encode()
