"""Which part of a file a request wants."""

import pytest

from services.ingest.ranges import NoSuchPartError, Part, part_of

ETAG = '"1-abc"'


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        (None, None),
        ("bytes=0-", Part(0, 1000)),
        ("bytes=0-0", Part(0, 1)),
        ("bytes=999-", Part(999, 1)),
        ("bytes=500-99999999", Part(500, 500)),
        ("bytes=-1", Part(999, 1)),
        ("bytes=-5000", Part(0, 1000)),
        ("Bytes = 5 - 9 ", Part(5, 5)),
        ("items=0-5", None),
        ("", None),
        ("garbage", None),
    ],
)
def test_one_part_or_the_whole(wanted: str | None, part: Part | None) -> None:
    assert part_of(1000, wanted, None, ETAG) == part


@pytest.mark.parametrize(
    "wanted",
    [
        "bytes=1000-",
        "bytes=5-4",
        "bytes=-0",
        "bytes=-",
        "bytes=",
        "bytes=a-b",
        "bytes=0-1,5-6",
        "bytes=" + ",".join(f"{n}-{n}" for n in range(1000)),
        "bytes=\u0663-\u0665",
        "bytes=0x1-2",
        "bytes=1-" + "9" * 400,
        "bytes=+1-5",
        "bytes=1--5",
    ],
)
def test_no_part_of_it(wanted: str) -> None:
    with pytest.raises(NoSuchPartError):
        part_of(1000, wanted, None, ETAG)


def test_an_empty_file_has_no_parts() -> None:
    assert part_of(0, None, None, ETAG) is None
    for wanted in ("bytes=0-", "bytes=-1"):
        with pytest.raises(NoSuchPartError):
            part_of(0, wanted, None, ETAG)


@pytest.mark.parametrize(
    ("if_range", "part"),
    [(ETAG, Part(5, 995)), ('"2-abc"', None), (f"W/{ETAG}", None), ("Wed, 21 Oct 2015 07:28:00 GMT", None), ("", None)],
)
def test_of_a_file_that_was_replaced_the_whole_is_sent(if_range: str, part: Part | None) -> None:
    assert part_of(1000, "bytes=5-", if_range, ETAG) == part
