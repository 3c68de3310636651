"""Write the Grafana dashboard from its panels.

    python -m deploy.dashboard

The file is what Grafana loads; nobody edits it. A test holds every expression to the metrics that the code declares.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from deploy.dashboard_panels import ROWS, Panel

FILE: Final = Path(__file__).parent / "dashboards" / "finish-actions.json"

_WIDTH: Final = 24
_PER_LINE: Final = 3
_HEIGHT: Final = 7
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana's JSON."""
    return {
        "uid": "finish-actions",
        "title": "Finish Actions",
        "description": "Is anything late, lost or doubled? Written by `make dashboard`; do not edit.",
        "tags": ["finish-actions"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {
            "list": [{"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}]
        },
        "panels": [{"id": number, **panel} for number, panel in enumerate(_panels(), start=1)],
    }


def text() -> str:
    """Return what the file holds."""
    return json.dumps(dashboard(), indent=1) + "\n"


def _panels() -> Iterator[dict[str, Any]]:
    y = 0
    for title, panels in ROWS.items():
        yield {
            "type": "row",
            "title": title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": y, "w": _WIDTH, "h": 1},
        }
        y += 1
        for number, panel in enumerate(panels):
            line, place = divmod(number, _PER_LINE)
            width = _WIDTH // _PER_LINE
            yield _panel(panel, {"x": place * width, "y": y + line * _HEIGHT, "w": width, "h": _HEIGHT})
        y += -(-len(panels) // _PER_LINE) * _HEIGHT


def _panel(panel: Panel, place: Mapping[str, int]) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}} if panel.kind == "timeseries" else {},
        "targets": [
            {"refId": chr(ord("A") + number), "datasource": _SOURCE, "expr": expression, "legendFormat": legend}
            for number, (expression, legend) in enumerate(panel.targets.items())
        ],
    }


if __name__ == "__main__":
    FILE.write_text(text())
