"""`finish topics`."""

from cyclopts import App

from deploy import topics as deployed
from services.cli.address import HERE, Where, find
from services.cli.display import note, show, state, table, text

app = App(name="topics", help="The topics of a deployment.")


@app.command
async def apply(*, where: Where = HERE) -> int:
    """Make the topics that are missing, and tell which differ from what correctness needs.

    FA_TOPICS__KEYED_PARTITIONS is the partition count of the keyed ones, for good; FA_TOPICS__REPLICAS how many copies the
    new ones have.
    """
    address = find(where)
    prepared = await deployed.prepare(address.kafka, address.settings.topics)
    shown = table("topic", "partitions", "clean-up", "state")
    problems = [each.problem for each in prepared.states if each.problem is not None]
    for each in prepared.states:
        word = "differs" if each.problem else "created" if each.name in prepared.created else "as declared"
        shown.add_row(text(each.name), text(each.partitions), text(each.policy), state(word))
    show(shown)
    if problems:
        note(f"error: {problems[0]}{f'; and {len(problems) - 1} more differ' if problems[1:] else ''}")
    return 1 if problems else 0
