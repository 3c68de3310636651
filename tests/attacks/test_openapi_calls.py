"""Every operation of both OpenAPI documents, called with what they allow and with what they do not: no answer is one of a failure
of ours, and each is one that the document tells of."""

import asyncio
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Err
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.deployment import deployed

PLANNED = frozenset({503})
"""A server's failure that is planned: what it needs is away, or not set up."""
RECURSIVE = frozenset({"/api/assets/{id}/actions", "/api/dry-run"})
"""Criteria hold criteria: the generator ends only by its depth. They are drawn in tests of their own."""
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "6"))
"""Of each operation and mode."""


def called(url: str, headers: Mapping[str, str], mode: GenerationMode, examples: int) -> tuple[Counter[str], list[str]]:
    """Call every operation; return how often each was called, and what is wrong."""
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json", headers=dict(headers))
    calls, wrong = Counter[str](), list[str]()
    for result in schema.get_all_operations():
        if isinstance(result, Err):
            raise result.err()
        operation = result.ok()
        strategy = operation.as_strategy(generation_mode=mode)

        @settings(
            max_examples=examples, deadline=None, database=None, derandomize=True,
            suppress_health_check=list(HealthCheck), phases=[Phase.generate],
        )  # fmt: skip
        @given(case=strategy)
        def call(case: Any) -> None:
            answer = case.call(base_url=url, headers=dict(headers), timeout=20, allow_redirects=False)
            calls[case.operation.label] += 1
            if answer.status_code in PLANNED:
                return
            case.validate_response(
                answer,
                checks=[
                    not_a_server_error,
                    status_code_conformance,
                    content_type_conformance,
                    response_schema_conformance,
                ],
            )

        try:
            call()
        except RecursionError:
            assert operation.path in RECURSIVE, operation.label
        except Exception as exc:  # noqa: BLE001 - all that is wrong at once
            wrong.append(f"{operation.label}: {exc}")
    return calls, wrong


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value)
async def test_every_operation_answers_as_it_is_described(
    stack_env: Mapping[str, str], tmp_path: Path, mode: GenerationMode
) -> None:
    async with deployed(stack_env, tmp_path, executors={"executors": ("tags",)}) as system:
        work = system.workspace
        for url in (work.ingest, work.console):
            calls, wrong = await asyncio.to_thread(called, url, work.headers, mode, EXAMPLES)
            assert not wrong, "\n\n".join(wrong)
            assert len(calls) > 15
            assert calls.total() > EXAMPLES * len(calls) / 2
