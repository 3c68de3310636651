"""Every sample that our processes export, with its labels: read from the declarations in `services/*/metrics.py`."""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from tests.support.imports import ROOT

TARGET_LABELS: Final = frozenset({"job", "instance", "service"})
"""What the scrape configuration adds to every sample."""
_SUFFIXES: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "counter": {"_total": ()},
    "gauge": {"": ()},
    "histogram": {"_bucket": ("le",), "_sum": (), "_count": ()},
    "summary": {"_sum": (), "_count": ()},
    "info": {"_info": ()},
}


def samples() -> Mapping[str, frozenset[str]]:
    """Return the names of all samples and the labels of each, those of the target included."""
    found = {"up": TARGET_LABELS}
    for family in REGISTRY.collect():  # what the client library itself exports about the process
        if not family.name.startswith("finish_"):
            found |= {sample.name: TARGET_LABELS | sample.labels.keys() for sample in family.samples}
    for file in sorted(ROOT.glob("services/**/metrics.py")):
        module = import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
        for metric in vars(module).values():
            if isinstance(metric, MetricWrapperBase):
                for suffix, labels in _SUFFIXES[str(metric._type)].items():
                    found[metric._name + suffix] = TARGET_LABELS | {*metric._labelnames, *labels}
    return found
