import os
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field, PositiveInt

from services.chassis.settings import EXIT_CONFIGURATION, Concern, Kafka, ServiceSettings, effective, load


class Ingest(Concern):
    queue_max: PositiveInt = 100


class IngestSettings(ServiceSettings):
    name: ClassVar[str] = "ingest"
    ingest: Ingest = Field(default_factory=Ingest)


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("FA_") or name == "DATABASE_URL"]:
        monkeypatch.delenv(name)


def test_a_nested_name_sets_one_value_and_leaves_the_others_at_their_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FA_KAFKA__BOOTSTRAP", "broker:9094")
    monkeypatch.setenv("FA_INGEST__QUEUE_MAX", "7")
    settings = load(IngestSettings)
    assert settings.kafka == Kafka(bootstrap="broker:9094")
    assert settings.ingest.queue_max == 7


def test_the_database_of_the_environment_is_used_when_no_other_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://there/db")
    monkeypatch.setenv("FA_POSTGRES__POOL_MAX", "3")
    assert load(IngestSettings).postgres.url.get_secret_value() == "postgresql://there/db"
    monkeypatch.setenv("FA_POSTGRES__URL", "postgresql://here/db")
    assert load(IngestSettings).postgres.url.get_secret_value() == "postgresql://here/db"


def test_settings_of_other_services_are_not_this_ones_concern(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FA_RELAY__BATCH_MAX", "1")
    monkeypatch.setenv("FA_FAIL", "x:1:kill")
    assert load(IngestSettings).ingest.queue_max == 100


@pytest.mark.parametrize(
    ("name", "value"),
    [("FA_KAFKA__BOOTSTRAPS", "typo"), ("FA_INGEST__QUEUE_MAX", "secret-word"), ("FA_OPS__PORT", "70000")],
)
def test_a_mistake_ends_the_process_with_its_name_and_without_its_value(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        load(IngestSettings)
    said = capsys.readouterr().err
    assert ended.value.code == EXIT_CONFIGURATION
    assert name in said
    assert value not in said


def test_the_effective_settings_show_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FA_POSTGRES__URL", "postgresql://u:hunter2@h/db")
    monkeypatch.setenv("FA_KAFKA__SASL_PASSWORD", "hunter2")
    monkeypatch.setenv("FA_CLOCK__FILE", "clock.txt")
    shown = effective(load(IngestSettings))
    assert "hunter2" not in str(shown)
    assert shown["clock"] == {"file": str(Path("clock.txt"))}


def test_topics_and_groups_carry_the_prefix() -> None:
    kafka = Kafka(topic_prefix="t1.")
    assert kafka.topic("finish.decisions.v1") == "t1.finish.decisions.v1"
    assert kafka.group("history") == "t1.history"
