"""`execute_lambda`: a function of AWS Lambda's, or a local one, is given the envelope or a payload of the marketer's."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import orjson

from core.envelope import envelope
from core.pointers import pointed
from core.templates import TemplateError, render
from schemas.commands.command import Command
from schemas.commands.lambda_ import ExecuteLambdaParams
from services.chassis.errors import PermanentError
from services.executors.executor import RemoteAction
from services.executors.ports import Situation

_PAYLOAD_MAX: Final = {"sync": 6 * 1024 * 1024, "async": 1024 * 1024}
"""Bytes. Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, invocation payload."""
_ID: Final = "command_id"


def check(params: Mapping[str, Any]) -> None:
    """Refuse parameters that can never be carried out."""
    ExecuteLambdaParams.model_validate(params)


def destination(params: Mapping[str, Any]) -> str:
    """Return the function's lane."""
    parts = (params.get("provider", "aws"), params.get("region"), params["function"], params.get("alias"))
    return ":".join(part for part in parts if part)


def payload(command: Command, situation: Situation) -> bytes:
    """Return what the function is given. An object tells the command's id, by which the function knows a repeat.

    Raises PermanentError for a payload that is no JSON, or too large.
    """
    text = command.params.get("payload")
    written = orjson.dumps(envelope(command, situation.prospect)) if text is None else _own(text, command, situation)
    mode = command.params.get("mode", "sync")
    if len(written) > _PAYLOAD_MAX[mode]:
        raise PermanentError(f"the payload has more than {_PAYLOAD_MAX[mode]} bytes")
    return written


def _own(text: str, command: Command, situation: Situation) -> bytes:
    try:
        value = orjson.loads(render(text, situation.scopes))
    except TemplateError as exc:
        raise PermanentError(str(exc)) from None
    except orjson.JSONDecodeError:
        raise PermanentError("the payload is no JSON once it is rendered") from None
    return orjson.dumps({_ID: str(command.id), **value} if isinstance(value, dict) else value)


def mapped(answer: Any, response_map: Mapping[str, str]) -> dict[str, Any]:
    """Return the parts of an answer that fields are to have: field -> value. What a pointer does not find is left out."""
    found = {}
    for name, pointer in response_map.items():
        with suppress(KeyError):
            found[name] = pointed(answer, pointer)
    return found


ACTION: Final = RemoteAction("execute_lambda", destination, check)
