"""`finish doctor`."""

from collections import Counter
from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter

from services.cli.address import HERE, Where, find
from services.cli.display import show, show_json, state, table, text
from services.cli.doctor.examination import examine


async def doctor(
    *,
    json: Annotated[bool, Parameter(help="One line of JSON per check")] = False,
    where: Where = HERE,
) -> int:
    """Examine a deployment; exit code 1 when anything failed.

    Broker and database are those of FA_KAFKA__BOOTSTRAP and FA_POSTGRES__URL, or of the local stack. Nothing is changed.
    """
    findings = await examine(find(where))
    counts = Counter(finding.state for finding in findings)
    if json:
        for finding in findings:
            show_json(asdict(finding))
    else:
        shown = table("state", "check", "found")
        for finding in findings:
            remedy = text(f"\n{finding.remedy}", "yellow") if finding.remedy else text("")
            shown.add_row(state(finding.state), text(finding.check), text(finding.found) + remedy)
        show(shown, "", text(f"ok {counts['ok']}, warning {counts['warning']}, failed {counts['failed']}"))
    return 1 if counts["failed"] else 0
