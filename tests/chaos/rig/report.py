"""Writes down what the rig did and found: a page with its plots, under `docs/proof/`."""

import hashlib
import platform
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final

from matplotlib import rc_context
from matplotlib.figure import Figure

from deploy.local.child import ROOT
from tests.chaos.rig.recovery import Outage, Recovery
from tests.chaos.rig.run import Run
from tests.chaos.rig.samples import Samples, Series

INVARIANTS: Final[Mapping[str, str]] = {
    "I1": "no loss: every accepted interaction is decided, and the system comes to rest within two minutes of healing",
    "I2": "no phantom: nothing is there that no client asked for, and nothing of earlier runs changes",
    "I3": "every record, decision, task, notice, webhook and mail is what the model says, field by field",
    "I4": "no doubles: one effect for a command; a webhook or command that comes again has the same bytes; no mail comes twice",
    "I5": "all commands of an interaction were sent, or none",
    "I6": "commands of a prospect stand in each topic in the order of acceptance, then of the list",
    "I9": "every command ended in a state that it may end in",
    "I10": "dead commands and poisoned records, and nothing else, are dead letters",
    "I11": "of an erased prospect nothing is left in any table",
    "I12": "no mail came to who had unsubscribed before it was asked for",
    "I14": "no offset was committed before what stands below it was settled, in any sample",
    "I15": "the version that was stamped is one that was saved, none behind one that ingest was seen to know",
    "I16": "no address of a prospect and no key is in any log or metric",
    "I17": "no service needs over a tenth more descriptors, or memory (evaluators: what they know of prospects), at the end",
}
"""What is checked after every run, or at the end. I7 and I8, original values and the spam window, are the model's: see I3."""
AT_THE_END: Final = ("I11", "I16", "I17")
"""What is looked for once; the last one only where no process was started anew meanwhile."""
_PACKAGES: Final = ("aiokafka", "faust-streaming", "asyncpg", "aiohttp", "pydantic")
_POINTS_MAX: Final = 400
_CODE: Final = re.compile(r"I\d+")


@dataclass
class Session:
    """All runs on one system."""

    command: str
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    runs: list[Run] = field(default_factory=list)
    samples: Samples = field(default_factory=Samples)
    recoveries: Sequence[Recovery] = ()
    outage: Outage | None = None
    at_the_end: list[str] = field(default_factory=list)
    stopped: bool = False
    """Ended before all was played."""
    looked_for: frozenset[str] = frozenset()
    """Which of `AT_THE_END` were."""
    servers: Mapping[str, str] = field(default_factory=dict)

    @property
    def violations(self) -> list[str]:
        """Return everything that was found."""
        return [text for run in self.runs for text in run.violations] + self.at_the_end


def write(session: Session, folder: Path, name: str) -> Path:
    """Write `<name>.md` and the plots that it shows; return the page."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{name}.md"
    plots = dict(_plots(session.samples, folder, name))
    page.write_text("\n".join(_lines(session, plots)) + "\n", encoding="utf-8")
    return page


def _lines(session: Session, plots: Mapping[str, str]) -> Iterator[str]:
    runs = session.runs
    kills, took_s = sum(run.kills for run in runs), sum(run.total_s for run in runs)
    yield f"# {len(runs)} runs with faults" if kills else f"# {took_s / 3600:.1f} hours under a steady load"
    yield ""
    yield f"`{session.command}`, {session.began:%Y-%m-%d}, commit {_commit()}; written by the run itself."
    yield ""
    yield f"- {', '.join(f'{what} {which}' for what, which in {**_versions(), **session.servers}.items())}"
    yield f"- seeds {runs[0].seed} to {runs[-1].seed}; all histories: SHA-256 `{_digest(runs)}`"
    yield (
        f"- {sum(run.interactions for run in runs):,} interactions, {sum(run.commands for run in runs):,} commands,"
        f" {kills} kills by SIGKILL, in {took_s / 60:.0f} minutes"
    )
    yield f"- answers to the clients: {_counts(sum((Counter(run.answers) for run in runs), Counter()))}"
    yield f"- {sum(run.prospects for run in runs):,} prospects, {sum(run.erased for run in runs)} of them erased meanwhile"
    yield f"- lists edited {sum(run.edits for run in runs)} times meanwhile"
    yield f"- mails that may have left when an attempt was cut off, held as `uncertain`: {max(run.uncertain for run in runs)}"
    yield f"- at rest after healing: median {median(run.rest_s for run in runs):.1f} s, at most {max(run.rest_s for run in runs):.1f} s"
    yield f"- **{len(session.violations)} violations**"
    yield ""
    yield from _invariants(session)
    if kills:
        yield from _faults(runs)
    if session.recoveries or session.outage:
        yield from _recoveries(session)
    for title, file in plots.items():
        yield f"![{title}]({file})"
        yield ""
    yield from _runs(runs)


def _invariants(session: Session) -> Iterator[str]:
    found = Counter(match.group() for text in session.violations if (match := _CODE.match(text)))
    yield "## Invariants"
    yield ""
    yield "| | must hold | violations |"
    yield "|---|---|---:|"
    for code, text in INVARIANTS.items():
        if code not in AT_THE_END or code in session.looked_for:
            yield f"| {code} | {text} | {found[code]} |"
    yield ""
    for text in session.violations[:50]:
        yield f"- {text}"
    if session.violations:
        yield ""


def _faults(runs: Sequence[Run]) -> Iterator[str]:
    kinds = Counter(re.sub(r"\d+(\.\d+)?", "n", what.split(" for ")[0]) for run in runs for what in run.faults)
    yield "## Faults"
    yield ""
    yield "| fault | times |"
    yield "|---|---:|"
    for what, times in sorted(kinds.items()):
        yield f"| {what} | {times} |"
    yield ""


def _recoveries(session: Session) -> Iterator[str]:
    yield "## Recovery"
    yield ""
    yield "Killed with SIGKILL at rest and started again at once; people on every partition click at the same moment."
    yield ""
    yield "| killed | first effect after | everybody's after |"
    yield "|---|---:|---:|"
    for each in session.recoveries:
        yield f"| {each.killed} | {each.first_s:.1f} s | {each.all_s:.1f} s |"
    yield ""
    if session.outage is not None:
        told = session.outage
        yield (
            f"The database away for {told.away_s:.0f} s while {told.interactions:,} interactions were accepted"
            f" ({told.interactions / told.away_s:.0f}/s): all had taken effect {told.drained_s:.1f} s after it was back."
        )
        yield ""


def _runs(runs: Sequence[Run]) -> Iterator[str]:
    yield "## Runs"
    yield ""
    yield "| seed | interactions | commands | kills | at rest after | violations | what went wrong | history |"
    yield "|---:|---:|---:|---:|---:|---:|---|---|"
    for run in runs:
        yield (
            f"| {run.seed} | {run.interactions:,} | {run.commands:,} | {run.kills} | {run.rest_s:.1f} s"
            f" | {len(run.violations)} | {'; '.join(run.faults)} | `{run.digest[:12]}` |"
        )


def _plots(samples: Samples, folder: Path, name: str) -> Iterator[tuple[str, str]]:
    for title, series in (
        ("Memory, MiB", samples.memory),
        ("Descriptors", samples.descriptors),
        ("Records behind", samples.lag),
        ("Tables, MiB", samples.tables),
    ):
        if series:
            file = f"{name}-{title.split(',')[0].lower().replace(' ', '-')}.svg"
            _plot(title, series, folder / file)
            yield title, file


def _plot(title: str, series: Series, file: Path) -> None:
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "finish", "font.size": 8}):
        figure = Figure(figsize=(9, 3), layout="tight")
        axes = figure.add_subplot()
        for label, points in sorted(series.items()):
            thinned = points[:: max(1, len(points) // _POINTS_MAX)]
            axes.plot([at / 60 for at, _ in thinned], [value for _, value in thinned], label=label, linewidth=0.8)
        axes.set(title=title, xlabel="minutes")
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=6, ncols=2, loc="upper left")
        figure.savefig(file, format="svg", metadata={"Date": None})


def _versions() -> Mapping[str, str]:
    return {"Python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def _commit() -> str:
    told = subprocess.run(
        ("git", "rev-parse", "--short", "HEAD"), cwd=ROOT, check=False, capture_output=True, text=True
    )
    return told.stdout.strip() or "unknown"


def _digest(runs: Sequence[Run]) -> str:
    return hashlib.sha256("".join(run.digest for run in runs).encode()).hexdigest()


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in sorted(counts.items()))
