"""The one agent: parcels, frame after frame. Whatever fails here ends the process, for Faust would go on without it."""

from typing import Any

from services.evaluator.app import FrameApp
from services.evaluator.failing import or_stop
from services.evaluator.frames import FrameTopic
from services.evaluator.intake import Intake


def add_evaluation(app: FrameApp, topic: str, intake: Intake) -> None:
    """Let `intake` take every frame of `topic`."""
    source = FrameTopic(app, topics=[topic], acks=False)

    async def evaluate(parcels: Any) -> None:
        async for parcel in parcels:
            for frame in parcel:
                await or_stop(intake.take(frame))

    app.agent(source, name="evaluate", concurrency=1)(evaluate)
