import pytest

from core.tokens import read_keys, verified
from tests.benchmarks.floors.http_load import MARK
from tests.benchmarks.ingest import KEYS, TOKEN_KEY, Case, cases
from tests.benchmarks.workload import Workload

WORKLOAD = Workload(0, prospects=200)
CASES = cases(WORKLOAD, "fak_key")


def test_the_setting_holds_the_key_that_signs() -> None:
    assert read_keys(KEYS) == (TOKEN_KEY,)


def test_the_redirect_is_of_a_link_that_there_is() -> None:
    redirect = next(case for case in CASES if case.name == "redirect")
    path = redirect.ours.split()[1]
    assert verified(path.removeprefix("/r/"), "link", read_keys(KEYS)).asset_id in WORKLOAD.asset_ids()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_both_sides_of_a_case_are_asked_alike(case: Case) -> None:
    for request in (case.ours, case.bare):
        head, _, body = request.partition("\r\n\r\n")
        assert request.count(MARK) == (0 if case.name in {"redirect", "file"} else case.items)
        if body:
            assert f"Content-Length: {len(body)}" in head.split("\r\n")
    assert case.ours.partition("\r\n\r\n")[2] == case.bare.partition("\r\n\r\n")[2]
