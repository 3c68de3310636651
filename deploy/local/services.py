"""Our services as children of the local stack: one row each, and the last one is stopped first."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy.local.child import ChildSpec, Probe
from deploy.local.readiness import http_ready
from deploy.local.settings import HOST
from schemas.topics import OUTSIDE_EXECUTORS, RECORD_EXECUTORS


@dataclass(frozen=True, slots=True)
class Service:
    """What to start as `python -m <module> <argument>...`, and after what."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


SERVICES: Final = (
    Service("relay", "services.relay"),
    Service("executors", "services.executors", RECORD_EXECUTORS),
    Service("deliveries", "services.executors", OUTSIDE_EXECUTORS),
    Service("evaluator", "services.evaluator"),
    Service("console", "services.console", after=("relay",)),
    Service("ingest", "services.ingest", after=("relay",)),
)


def specs(
    services: Sequence[Service],
    *,
    env: Mapping[str, str],
    ops_ports: Mapping[str, int],
    notes: Mapping[str, str],
    logs: Path,
    ready_timeout_s: float,
    stop_timeout_s: float,
) -> list[ChildSpec]:
    """Return the children for these services; `env` is what all of them are told."""
    return [
        ChildSpec(
            name=service.name,
            argv=(sys.executable, "-m", service.module, *service.arguments),
            log_file=logs / f"{service.name}.log",
            env={**env, **service.env, "FA_OPS__HOST": HOST, "FA_OPS__PORT": str(ops_ports[service.name])},
            ready=_ready(ops_ports[service.name]),
            after=service.after,
            note=notes.get(service.name, ""),
            ready_timeout_s=ready_timeout_s,
            stop_timeout_s=stop_timeout_s,
        )
        for service in services
    ]


def _ready(port: int) -> Probe:
    return lambda: http_ready(f"http://{HOST}:{port}")
