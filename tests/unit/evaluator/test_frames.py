from typing import Any

from aiokafka import TopicPartition

from services.evaluator.frames import Frame, parcels


def frame(partition: int, count: int) -> Frame:
    records: list[Any] = [None] * count
    return Frame(TopicPartition("interactions", partition), 0, records)


def sizes(*frames: Frame) -> list[list[tuple[int, int]]]:
    return [[(each.source.partition, len(each.records)) for each in parcel] for parcel in parcels(frames, 10)]


def test_short_frames_travel_together_in_their_order() -> None:
    assert sizes(frame(0, 1), frame(3, 2), frame(1, 7)) == [[(0, 1), (3, 2), (1, 7)]]


def test_a_parcel_holds_no_more_records_than_a_frame_may() -> None:
    assert sizes(frame(0, 10), frame(1, 10), frame(0, 4), frame(1, 6), frame(2, 1)) == [
        [(0, 10)],
        [(1, 10)],
        [(0, 4), (1, 6)],
        [(2, 1)],
    ]


def test_nothing_fetched_is_no_parcel() -> None:
    assert sizes() == []
