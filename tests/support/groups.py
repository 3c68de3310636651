"""Consumer groups as an operator handles them: forgetting one, with all its offsets."""

from aiokafka.protocol.admin import DeleteGroupsRequest

from deploy.topics import admin
from services.chassis.settings import Kafka
from tests.support.eventually import eventually


async def forget(settings: Kafka, group: str, deadline_s: float = 30.0) -> None:
    """Delete a group as soon as the last of its members is gone; a static one stays for a session after it stopped."""
    name = settings.group(group)
    async with admin(settings) as client:

        async def deleted() -> bool:
            coordinator = await client.find_coordinator(name)
            response = await client._send_request(DeleteGroupsRequest([name]), coordinator)
            ((_, error_code),) = response.results
            return bool(error_code == 0)

        await eventually(deleted, deadline_s, poll_s=0.2)
