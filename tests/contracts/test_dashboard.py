"""The dashboard is well formed and asks only for what is exported. Grafana itself does not run here."""

import json
from itertools import combinations
from typing import Any

import pytest

from deploy.dashboard import FILE, text
from deploy.dashboard_panels import ROWS
from tests.support.alert_rules import RULES
from tests.support.promql import mistakes, read

DASHBOARD: dict[str, Any] = json.loads(FILE.read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = sorted({target["expr"] for panel in PANELS for target in panel["targets"]})


def _parsable(expression: str) -> str:
    """Put in what Grafana would."""
    return expression.replace("$__rate_interval", "1m")


def test_the_committed_file_is_up_to_date() -> None:
    assert FILE.read_text() == text(), "run: make dashboard"


def test_there_are_four_rows() -> None:
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert rows == list(ROWS)
    assert len(rows) == 4


def test_every_panel_asks_something_of_the_chosen_source() -> None:
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"]] == ["datasource"]
    for panel in PANELS:
        assert panel["targets"], panel["title"]
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def test_ids_and_titles_are_unique_and_no_panel_covers_another() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    for one, other in combinations((panel["gridPos"] for panel in DASHBOARD["panels"]), 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_reads_only_what_is_exported(expression: str) -> None:
    assert mistakes(_parsable(expression)) == []


def test_whatever_an_alert_reads_is_shown() -> None:
    shown = {name for expression in EXPRESSIONS for name in read(_parsable(expression)).selected}
    alerted = {name for rule in RULES.values() for name in read(rule["expr"]).selected}
    assert alerted - shown - {"up"} == set(), "add a panel to deploy/dashboard_panels.py"
