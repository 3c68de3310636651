"""The compose file holds to the official schema, and every process in it is told what it needs. No engine starts it here."""

import json
import os
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft201909Validator

from deploy.local import jars
from deploy.role import ROLES
from deploy.settings_docs import all_sections, services
from deploy.topics import TopicSettings
from services.chassis.postgres import VERSION_MIN
from services.chassis.settings import Ops, Postgres, ServiceSettings, Stop, load
from services.executors.registry import executors
from tests.support.compose import FOLDER, document, environment, processes, variables

SCHEMA = Path(__file__).parent / "compose" / "compose-spec.json"
ONCE = ("topics", "migrate")
KINDS: list[type[ServiceSettings]] = [*services(), TopicSettings]
SETTINGS = {kind.name: kind for kind in KINDS}

every_process = pytest.mark.parametrize("name", processes())


def _depends_on(service: dict[str, Any]) -> dict[str, str]:
    return {name: each["condition"] for name, each in service.get("depends_on", {}).items()}


def test_the_file_holds_to_the_compose_specification() -> None:
    validator = Draft201909Validator(json.loads(SCHEMA.read_text()))
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document())] == []


def test_what_the_specification_does_not_know_would_be_noticed() -> None:
    broken = deepcopy(document())
    broken["services"]["ingest"]["readonly"] = True
    assert not Draft201909Validator(json.loads(SCHEMA.read_text())).is_valid(broken)


def test_every_setting_in_it_exists() -> None:
    known = {row.name for _, section in all_sections() for row in section.rows}
    named = {name for service in processes().values() for name in environment(service)}
    assert {name for name in named if name.startswith("FA_")} - known == set()


@every_process
def test_a_process_accepts_what_it_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for inherited in [each for each in os.environ if each.startswith("FA_") or each == "DATABASE_URL"]:
        monkeypatch.delenv(inherited)
    service = processes()[name]
    for variable, value in environment(service).items():
        assert isinstance(value, str), f"{variable} is no text in YAML: quote it"
        monkeypatch.setenv(variable, value)
    settings = load(SETTINGS.get(service["command"][0], ServiceSettings))
    assert name in ONCE or settings.ops.host == "0.0.0.0"
    for concern in ("ingest", "console"):
        assert name != concern or getattr(settings, concern).host == "0.0.0.0"


@every_process
def test_a_process_waits_for_what_it_is_told_to_use(name: str) -> None:
    service = processes()[name]
    needed = {
        "FA_KAFKA__BOOTSTRAP": ("kafka", "service_healthy") if name in ONCE else ("topics", "service_completed_successfully"),
        "FA_POSTGRES__URL": ("postgres", "service_healthy") if name in ONCE else ("migrate", "service_completed_successfully"),
    }  # fmt: skip
    told = [on for variable, on in needed.items() if variable in environment(service)]
    assert told
    assert _depends_on(service) == dict(told)


def test_whoever_is_waited_for_can_be() -> None:
    everything = document()["services"]
    for service in everything.values():
        for other, condition in _depends_on(service).items():
            assert condition != "service_healthy" or "healthcheck" in everything[other]
            assert (condition == "service_completed_successfully") == (other in ONCE)


@every_process
def test_a_process_may_write_nothing_and_gain_nothing(name: str) -> None:
    service = processes()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "user", "cap_add", "network_mode", "pid"} & service.keys()
    files = environment(service).get("FA_BLOBS__FOLDER")
    assert service.get("volumes", []) == ([] if files is None else [f"blobs:{files}"])


@every_process
def test_a_process_is_given_the_time_that_it_takes_to_stop(name: str) -> None:
    seconds = int(processes()[name]["stop_grace_period"].removesuffix("s"))
    assert seconds > Stop().grace_s + 2 * Stop().cancel_s


@every_process
def test_a_process_that_stays_is_probed_where_it_listens(name: str) -> None:
    probe = processes()[name].get("healthcheck")
    assert (probe is None) == (name in ONCE)
    assert probe is None or f"http://127.0.0.1:{Ops().port}/readyz" in probe["test"][-1]


def test_every_role_runs_somewhere() -> None:
    run = {service["command"][0] for service in processes().values()}
    assert run == ROLES.keys() - {"admin-key"}


def test_every_executor_that_exists_is_a_service_of_its_own() -> None:
    run = {
        name: service["command"][1:] for name, service in processes().items() if service["command"][0] == "executors"
    }
    assert run == {f"executor-{name}": [name] for name in executors()}


def test_a_relay_stands_by() -> None:
    assert processes()["relay"]["deploy"]["replicas"] == 2


def test_the_database_takes_as_many_connections_as_all_pools_may_open() -> None:
    open_max = sum(
        service.get("deploy", {}).get("replicas", 1) * (Postgres().pool_max + 1)  # one more: a relay's lock
        for service in processes().values()
        if "FA_POSTGRES__URL" in environment(service)
    )
    (allowed,) = re.findall(r"max_connections=(\d+)", " ".join(document()["services"]["postgres"]["command"]))
    assert open_max < int(allowed)


def test_images_of_others_are_pinned_to_what_the_suite_runs_on() -> None:
    images = {name: service["image"] for name, service in document()["services"].items() if "build" not in service}
    assert all(re.search(r":v?\d", image) for image in images.values())
    broker = next(root for root in jars.ROOTS if ":kafka_" in root)
    assert images["kafka"] == f"apache/kafka:{broker.split(':')[-1]}"
    assert int(images["postgres"].removeprefix("postgres:")) >= VERSION_MIN


def test_nothing_is_open_to_the_network_unless_somebody_says_so() -> None:
    ports = [port for service in document()["services"].values() for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_volumes_are_named_and_all_of_them_are_used() -> None:
    mounted = [volume for service in document()["services"].values() for volume in service.get("volumes", [])]
    named = {volume.partition(":")[0] for volume in mounted if not volume.startswith("./")}
    assert named == document()["volumes"].keys()
    for folder in (volume for volume in mounted if volume.startswith("./")):
        assert (FOLDER / folder.partition(":")[0]).is_dir()
        assert folder.endswith(":ro")


def test_the_example_names_every_variable_and_sets_none_that_must_be_chosen() -> None:
    lines = (FOLDER / ".env.example").read_text().splitlines()
    named = {
        name: (value, bool(off)) for line in lines for off, name, value in re.findall(r"^(# )?([A-Z_]+)=(.*)$", line)
    }
    assert named.keys() == variables().keys()
    for name, must_be_set in variables().items():
        value, off = named[name]
        assert not must_be_set or (value == "" and not off)


def test_prometheus_finds_every_process_that_stays() -> None:
    scraped = yaml.safe_load((FOLDER / "prometheus" / "prometheus.yml").read_text())
    ((found,),) = [config["dns_sd_configs"] for config in scraped["scrape_configs"]]
    assert set(found["names"]) == processes().keys() - set(ONCE)
    assert found["port"] == Ops().port
