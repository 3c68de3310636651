"""Every action type that an executor carries out, and what follows from some of them: one line each.

A test names the line that is missing.
"""

from collections.abc import Mapping
from typing import Final

from schemas.action_lists import EXECUTOR_OF
from services.executors.actions import (
    add_tags,
    add_to_list,
    adjust_score,
    assign_owner,
    change_field_value,
    confirm_address,
    convert_to_lead,
    create_crm_task,
    execute_lambda,
    fire_webhook,
    mail_digest,
    notify_user,
    push_to_crm,
    remove_from_list,
    remove_tags,
    send_email,
)
from services.executors.executor import Executor

ACTIONS: Final = (
    add_tags.ACTION,
    remove_tags.ACTION,
    adjust_score.ACTION,
    change_field_value.ACTION,
    assign_owner.ACTION,
    add_to_list.ACTION,
    remove_from_list.ACTION,
    convert_to_lead.ACTION,
    create_crm_task.ACTION,
    notify_user.ACTION,
    fire_webhook.ACTION,
    send_email.ACTION,
    execute_lambda.ACTION,
    push_to_crm.ACTION,
    mail_digest.ACTION,
    confirm_address.ACTION,
)

_EXECUTOR_OF: Final = {
    **EXECUTOR_OF,
    push_to_crm.ACTION.type: "webhook",
    mail_digest.ACTION.type: "notify",
    confirm_address.ACTION.type: "email",
}


def executors() -> Mapping[str, Executor]:
    """Return the executors that have an action, by name."""
    names = dict.fromkeys(_EXECUTOR_OF[action.type] for action in ACTIONS)
    return {
        name: Executor(name, {action.type: action for action in ACTIONS if _EXECUTOR_OF[action.type] == name})
        for name in names
    }
