"""The machine and the independent model tell the same story of the demo's script, prospect by prospect."""

from itertools import count
from random import Random
from uuid import UUID

import pytest

from deploy.demo import campaign
from deploy.demo.journal import BUILT_IN_TYPES
from deploy.demo.people import people
from deploy.demo.script import FOLLOWED, Follow, Patch, Post, Submit, followed, script
from tests.chaos.model.forms import as_event, mapped
from tests.chaos.model.log import record
from tests.support.agreement import Agreement
from tests.support.simulation import NOW

RUN = "demo-1"
KINDS = {key: str(asset["kind"]) for key, asset in campaign.ASSETS.items()} | {"prospect": "prospect"}
TYPES = BUILT_IN_TYPES | {field["name"]: field["type"] for field in campaign.FIELDS}


@pytest.mark.parametrize("seed", range(3))
def test_the_machine_and_the_model_agree_on_every_prospect_of_the_script(seed: int) -> None:
    lists = {
        (key, 1): actions
        for key, actions in {
            **campaign.lists("mail-1", "https://hooks.example.com"),
            "prospect": campaign.record_list(RUN),
        }.items()
    }
    agreement = Agreement(lists, KINDS, TYPES, [campaign.AWAY])
    ids = [str(UUID(int=number + 1, version=4)) for number in range(30)]
    for prospect_id, body in zip(
        ids, people(30, RUN, Random(seed), campaign.USERS[:4], tuple(campaign.LISTS)), strict=True
    ):
        agreement.create(prospect_id, record(body))
    submitted = count()
    for step in (step for lane in script(30, 180, Random(seed)) for step in lane):
        match step:
            case Patch(person, changes):
                agreement.change(ids[person], changes)
            case Submit(person, fields):
                values = mapped(fields, campaign.ASSETS["quote"]["mapping"], TYPES)
                agreement.change(ids[person], {"fields": values})
                event = {
                    "id": f"s{next(submitted)}",
                    "source": "form:quote",
                    "type": "form.submitted",
                    "subject": "quote",
                }
                agreement.accept(ids[person], {**event, "time": NOW, "data": {"form": as_event(fields)}})
            case Follow(person):
                event = {"id": f"f{person}", "source": "links", "type": "redirect_link.clicked", "subject": FOLLOWED}
                data = followed(campaign.ASSETS[FOLLOWED]["target_url"])
                agreement.accept(ids[person], {**event, "time": NOW, "data": data})
            case Post(touches):
                for touch in touches:
                    event = {
                        "id": f"e{touch.event_number}",
                        "source": "demo",
                        "type": touch.type,
                        "subject": touch.asset,
                    }
                    agreement.accept(ids[touch.person], {**event, "time": NOW, "data": touch.data})
    assert agreement.disagreements() == []
    assert len(agreement.world.decisions) > 200
