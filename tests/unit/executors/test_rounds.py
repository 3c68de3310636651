from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.executors.core.rounds import rounds

PROSPECTS = [UUID(int=number) for number in range(4)]


def test_nothing_has_no_rounds() -> None:
    assert rounds([]) == []


@given(st.lists(st.sampled_from(PROSPECTS)))
def test_a_round_meets_each_prospect_once_and_each_keeps_its_order(prospects: list[UUID]) -> None:
    commands = [(prospect, (prospect, place)) for place, prospect in enumerate(prospects)]
    split = rounds(commands)
    assert all(len({prospect for prospect, _ in one}) == len(one) > 0 for one in split)
    for prospect in PROSPECTS:
        mine = [command for one in split for command in one if command[0] == prospect]
        assert mine == [command for owner, command in commands if owner == prospect]
    assert len(split) == max((prospects.count(prospect) for prospect in PROSPECTS), default=0)
