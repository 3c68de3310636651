"""All checks, side by side."""

import asyncio

from services.cli.address import Address
from services.cli.doctor.broker import examine_broker
from services.cli.doctor.database import examine_database
from services.cli.doctor.findings import Finding
from services.cli.doctor.http import examine_apis, examine_services
from services.cli.doctor.versions import examine_versions


async def examine(address: Address) -> list[Finding]:
    """Return what all checks found. Raises DeployError when nobody says where broker and database are."""
    cli, postgres = address.cli, address.postgres
    kafka = address.kafka.model_copy(update={"request_timeout_ms": round(cli.timeout_s * 1000)})
    apis = (address.console, address.ingest, address.api_key) if address.served else None
    found = await asyncio.gather(
        examine_broker(kafka, address.settings.topics, cli),
        examine_database(postgres, cli),
        examine_services(address.ops, cli),
        *([examine_apis(*apis, cli)] if apis else []),
    )
    return [*examine_versions(), *(finding for findings in found for finding in findings)]
