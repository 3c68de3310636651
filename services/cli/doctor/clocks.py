"""How far a server's clock is from this machine's."""

from services.cli.doctor.findings import Finding, graded
from services.cli.settings import Cli


def judged_clock(server: str, difference_s: float, cli: Cli) -> Finding:
    """Judge a difference; positive: the server's clock is ahead."""
    state = graded(abs(difference_s), cli.clock_warning_s, cli.clock_failed_s)
    word = "ahead of" if difference_s > 0 else "behind"
    if state == "ok":
        return Finding("ok", f"clock {server}", "as this machine's")
    found = f"{abs(difference_s):.0f} s {word} this machine's"
    return Finding(state, f"clock {server}", found, "set both by NTP: acceptance times and spam windows depend on it")
