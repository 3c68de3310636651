"""A new action type is one schema file, one action file, one line in the union, one in the registry."""

import pkgutil
from importlib import import_module
from typing import get_args

import pytest

from schemas.action_lists import EXECUTOR_OF, RECORD_ACTION_TYPES, Action
from schemas.commands.confirmation import CONFIRM_ADDRESS
from schemas.commands.notify import MAIL_DIGEST
from schemas.commands.push import PUSH_TO_CRM
from schemas.topics import EXECUTORS, RECORD_EXECUTORS
from services.executors import actions
from services.executors.adapters.records import statements_of
from services.executors.registry import ACTIONS, executors

_FOLLOWING = {PUSH_TO_CRM, MAIL_DIGEST, CONFIRM_ADDRESS}
"""Types that no marketer writes."""
FILES = [module.name for module in pkgutil.iter_modules(actions.__path__)]


def test_every_type_of_the_union_has_an_executor() -> None:
    in_the_union = {get_args(kind.model_fields["type"].annotation)[0] for kind in get_args(get_args(Action)[0])}
    assert in_the_union == set(EXECUTOR_OF)
    assert set(EXECUTOR_OF.values()) == set(EXECUTORS)


def test_every_type_of_an_executor_that_exists_is_in_the_registry() -> None:
    wanted = {action_type for action_type, executor in EXECUTOR_OF.items() if executor in executors()}
    assert {action.type for action in ACTIONS} == wanted | RECORD_ACTION_TYPES | _FOLLOWING
    assert len(ACTIONS) == len(wanted) + len(_FOLLOWING)


@pytest.mark.parametrize("name", FILES)
def test_every_action_file_is_in_the_registry_under_its_own_name(name: str) -> None:
    assert import_module(f"{actions.__name__}.{name}").ACTION in ACTIONS
    assert name in {action.type for action in ACTIONS}


@pytest.mark.parametrize("name", RECORD_EXECUTORS)
def test_every_record_executor_has_a_statement_per_type_and_one_for_its_mark(name: str) -> None:
    statements = {key: text for key, text in statements_of(name).items() if key != "push"}
    assert set(statements) == {*executors()[name].actions, "mark"}
    assert all(f"applied_{name} " in statement for statement in statements.values())


@pytest.mark.parametrize("name", RECORD_EXECUTORS)
def test_an_executor_has_a_topic_and_a_group_of_its_own(name: str) -> None:
    executor = executors()[name]
    assert executor.topic == f"finish.commands.{name}.v1"
    assert executor.group == f"finish.executor.{name}"
