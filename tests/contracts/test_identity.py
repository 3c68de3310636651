"""The ids that are computed by hand, beside the standard library's."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.identity import command_id, command_ids, interaction_uid
from tests.chaos.model import identity


@given(uid=st.uuids().map(str), actions=st.lists(st.text(max_size=80), min_size=1, max_size=5))
def test_commands_have_the_uuid5_of_interaction_and_action_alone_or_many_at_once(uid: str, actions: list[str]) -> None:
    ids = command_ids(uid)

    assert [ids(action) for action in actions] == [command_id(uid, action) for action in actions]
    assert [ids(action) for action in actions] == [identity.command_id(uid, action) for action in actions]


@given(source=st.text(max_size=40), event_id=st.text(max_size=40))
def test_an_interaction_has_the_uuid5_of_its_source_and_id(source: str, event_id: str) -> None:
    assert interaction_uid(source, event_id) == identity.interaction_uid(source, event_id)
