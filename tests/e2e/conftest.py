"""The whole system, fresh for each test."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from tests.support.deployment import Deployment, deployed


@pytest.fixture
async def deployment(stack_env: Mapping[str, str], tmp_path: Path) -> AsyncIterator[Deployment]:
    """Yield every service running on this test's own topics and database."""
    async with deployed(stack_env, tmp_path) as running:
        yield running
