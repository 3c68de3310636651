"""Alerts read what is exported and lead to a page that says what to do. `make alerts` runs them over made-up series."""

import re

import pytest

from deploy.settings_docs import all_sections
from tests.support.alert_rules import FOLDER, RULES
from tests.support.compose import processes
from tests.support.declared_metrics import samples
from tests.support.imports import ROOT
from tests.support.promql import mistakes, read

RUNBOOKS = ROOT / "docs" / "runbooks"
TESTED = "".join(file.read_text() for file in (FOLDER / "tests").glob("*.yaml"))

every_alert = pytest.mark.parametrize("name", RULES)


@every_alert
def test_an_alert_reads_only_what_is_exported(name: str) -> None:
    assert mistakes(RULES[name]["expr"]) == []


@every_alert
def test_an_alert_says_how_grave_it_is_and_what_to_do(name: str) -> None:
    rule = RULES[name]
    assert rule["labels"] in ({"severity": "critical"}, {"severity": "warning"})
    assert rule["annotations"].keys() == {"summary", "runbook"}
    page = ROOT / rule["annotations"]["runbook"]
    assert page.parent == RUNBOOKS
    assert f"`{name}`" in page.read_text(), f"name it at the head of {rule['annotations']['runbook']}"


@every_alert
def test_a_summary_names_only_labels_that_the_expression_keeps(name: str) -> None:
    named = set(re.findall(r"\$labels\.(\w+)", RULES[name]["annotations"]["summary"]))
    found = read(RULES[name]["expr"])
    kept = found.grouped_by or frozenset().union(*(samples()[each] for each in found.selected))
    assert named <= kept


@every_alert
def test_an_alert_is_tried_over_made_up_series(name: str) -> None:
    assert re.search(rf"alertname: {name}\n\s+exp_alerts:", TESTED), (
        "add a case to deploy/alerts/tests: see make alerts"
    )


def test_every_page_has_an_alert_that_leads_to_it_and_the_same_three_parts() -> None:
    led_to = {rule["annotations"]["runbook"] for rule in RULES.values()}
    pages = [page for page in RUNBOOKS.glob("*.md") if page.name != "README.md"]
    assert {str(page.relative_to(ROOT)) for page in pages} == led_to
    for page in pages:
        assert re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE) == [
            "What it means",
            "How to look",
            "What to do",
        ]


def test_the_metrics_that_the_pages_name_are_exported() -> None:
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in samples()}
    for page in RUNBOOKS.glob("*.md"):
        named = set(re.findall(r"`(finish_\w+)", page.read_text()))
        assert named - families == set(), page.name


def test_the_settings_that_the_pages_name_exist() -> None:
    known = {row.name for _, section in all_sections() for row in section.rows}
    for page in RUNBOOKS.glob("*.md"):
        assert set(re.findall(r"FA_[A-Z_]+", page.read_text())) - known == set(), page.name


def test_every_process_that_stays_is_missed_when_it_is_gone() -> None:
    missed = set(re.findall(r'service="([\w-]+)"', RULES["FinishServiceMissing"]["expr"]))
    assert missed == {name for name, service in processes().items() if "healthcheck" in service}


def test_what_is_not_exported_would_be_noticed() -> None:
    assert mistakes("rate(finish_effects_total[5m])") == []
    assert mistakes("finish_effects") == ["no process exports 'finish_effects'"]
    assert mistakes('finish_effects_total{prospect="x"}') == ["finish_effects_total has no label 'prospect'"]
    assert len(mistakes("sum by (le) (finish_effects_total)")) == 1
    with pytest.raises(ValueError, match="unclosed"):
        mistakes("sum by (")
