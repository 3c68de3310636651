"""What goes wrong, by name: the faults of the reliability reference that one machine can show. Each does its harm for a while and
takes it back; the run's random draws which, where and for how long. What it did is told as a sentence.
"""

import asyncio
import resource
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from random import Random
from typing import Final

import psutil
from aiokafka import AIOKafkaProducer, TopicPartition

from deploy.local.child import Child
from schemas import topics
from schemas.topics import OUTSIDE_EXECUTORS, RECORD_EXECUTORS
from services.chassis import kafka
from tests.chaos.rig.proxy import Link, Toxic
from tests.chaos.rig.sinks import Mood, Sink
from tests.chaos.rig.stage import Stage, broker_names, part_of
from tests.support.eventually import eventually
from tests.support.poison import BAD_JSON
from tests.support.servers import RunningKafka

Fault = Callable[[Stage, Random], Awaitable[str]]

_REWOUND_RECORDS: Final = 200
_COPIED_RECORDS: Final = 50
_STEPS: Final = ("+PT600S", "-PT600S", "+PT45S", "-PT45S")
_SMALL_STEPS: Final = _STEPS[2:]
"""For ingest: windows are minutes long, and the model knows the client's clock only."""
_RECORD_POINTS: Final = ("before-transaction", "before-commit", "after-commit", "after-offsets")
_DELIVERY_POINTS: Final = (
    "before-transaction", "after-commit", "before-claim", "before-begun", "after-begun", "after-attempt", "before-settled",
    "after-settled",
)  # fmt: skip
_POINTS: Final[Mapping[str, tuple[str, ...]]] = {
    "relay": ("relay.before-publish", "relay.after-ack", "relay.after-delete"),
    "ingest": ("ingest.before-publish", "ingest.after-ack"),
    "evaluator": tuple(
        f"evaluator.{point}"
        for point in ("before-send", "after-send", "before-checkpoint", "after-checkpoint", "before-commit")
    ),
    "records": tuple(f"executor.{name}.{point}" for name in RECORD_EXECUTORS for point in _RECORD_POINTS),
    "deliveries": tuple(
        f"executor.{name}.{point}" for name in ("webhook", "email", "lambda") for point in _DELIVERY_POINTS
    ),
}


_LIMIT: Final = """
import os, resource, sys
user, group, size, *pids = map(int, sys.argv[1:])
if user != os.getuid():
    os.setgid(group)
    os.setuid(user)
for pid in pids:
    try:
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    except ProcessLookupError:
        pass
"""


async def kill(stage: Stage, random: Random, name: str | None = None) -> str:
    """Kill a service, this one or any, with SIGKILL."""
    name = name or random.choice(tuple(stage.processes))
    await stage.processes[name].kill()
    return f"killed {name}"


async def kill_at_a_step(stage: Stage, random: Random, name: str | None = None, point: str | None = None) -> str:
    """Kill a service, this one or any, and the next process of it again when it comes to a step boundary."""
    name = name or random.choice([name for name in stage.processes if part_of(name) in _POINTS])
    point, number = point or random.choice(_POINTS[part_of(name)]), random.randint(1, 4)
    ended = len(stage.keeper.ended[name])
    stage.keeper.fail[name] = f"{point}:{number}:kill"
    await stage.processes[name].kill()
    try:
        await eventually(lambda: len(stage.keeper.ended[name]) >= ended + 2, 8.0, poll_s=0.1)
    except AssertionError:  # it never came by: nothing to do there
        await stage.processes[name].kill()
        return f"killed {name} twice, waiting for {point}"
    return f"killed {name}, and at {point}"


async def terminate(stage: Stage, random: Random) -> str:
    """Stop a service in its own time; the next one starts."""
    name = random.choice(tuple(stage.processes))
    await stage.processes[name].stop()
    return f"stopped {name}"


async def suspend(stage: Stage, random: Random, name: str | None = None) -> str:
    """Let a service, this one or any, stand still, longer than its session at times: it comes back as a zombie."""
    name, time_s = name or random.choice(tuple(stage.processes)), random.uniform(1.0, 9.0)
    process = stage.processes[name]
    process.suspend()
    await asyncio.sleep(time_s)
    process.resume()
    return f"suspended {name} for {time_s:.1f} s"


async def storm(stage: Stage, random: Random) -> str:
    """Take an evaluator away and give it back, again and again."""
    times = random.randint(2, 4)
    for _ in range(times):
        name = random.choice(("evaluator-1", "evaluator-2"))
        await (stage.processes[name].kill() if random.random() < 0.5 else stage.processes[name].stop())
        await asyncio.sleep(random.uniform(0.5, 2.0))
    return f"{times} rebalances in a row"


async def broker_killed(stage: Stage, random: Random) -> str:
    """Kill the broker, and start it on its log."""
    name, broker = _a_broker(stage, random)
    await broker.child.kill()
    await asyncio.sleep(random.uniform(0.0, 2.0))
    await broker_up(broker)
    return f"killed {name}"


async def broker_suspended(stage: Stage, random: Random) -> str:
    """Let the broker stand still, as in a long collection of garbage."""
    time_s = random.uniform(1.0, 9.0)
    name, broker = _a_broker(stage, random)
    broker.child.send(signal.SIGSTOP)
    await asyncio.sleep(time_s)
    broker.child.send(signal.SIGCONT)
    return f"suspended {name} for {time_s:.1f} s"


async def database_killed(stage: Stage, random: Random) -> str:
    """Kill the database with all its backends, and start it on its data."""
    await stage.database.child.kill()
    await asyncio.sleep(random.uniform(0.0, 2.0))
    await stage.database.restart()
    return "killed the database"


async def link_cut(stage: Stage, random: Random) -> str:
    """Reset the connections of some ways, again and again."""
    links, times = _some_links(stage, random), random.randint(1, 6)
    for _ in range(times):
        for link in links:
            link.cut(random.choice((0.3, 1.0)))
        await asyncio.sleep(random.uniform(0.1, 0.8))
    return f"cut {_names(links)} {times} times"


async def link_refused(stage: Stage, random: Random) -> str:
    """Refuse every connection of some ways."""
    links, time_s = _some_links(stage, random), random.uniform(1.0, 5.0)
    for link in links:
        link.refuse()
    await asyncio.sleep(time_s)
    for link in links:
        link.refuse(False)
    return f"refused {_names(links)} for {time_s:.1f} s"


async def link_silent(stage: Stage, random: Random) -> str:
    """Let nothing through some ways, and tell nobody; then everything at once."""
    links, time_s = _some_links(stage, random), random.uniform(1.0, 9.0)
    for link in links:
        link.silence()
    await asyncio.sleep(time_s)
    for link in links:
        link.silence(False)
    return f"silenced {_names(links)} for {time_s:.1f} s"


async def packets_delayed(stage: Stage, random: Random) -> str:
    """Hold what one connection of a service to the broker has sent, while its other ones go on."""
    name, broker = random.choice(tuple(stage.processes)), random.choice(broker_names(len(stage.brokers)))
    link = stage.links[f"{name}>{broker}"]
    time_s, held = random.uniform(2.0, 12.0), link.silence_one()
    await asyncio.sleep(time_s)
    held.release()
    return f"delayed one connection of {link.name} by {time_s:.1f} s"


async def link_bad(stage: Stage, random: Random) -> str:
    """Make some ways late, slow, or slice what passes."""
    links, time_s = _some_links(stage, random), random.uniform(2.0, 5.0)
    name, toxic = random.choice(
        (
            ("late", Toxic(latency_s=random.uniform(0.02, 0.4), jitter_s=random.uniform(0.0, 0.4))),
            ("slow", Toxic(bytes_per_s=random.uniform(4_000, 60_000))),
            ("sliced", Toxic(slice_bytes=random.randint(1, 64))),
        )
    )
    for link in links:
        link.toxic = toxic
    await asyncio.sleep(time_s)
    for link in links:
        link.toxic = None
    return f"{name}: {_names(links)} for {time_s:.1f} s"


async def rewound(stage: Stage, random: Random) -> str:
    """Let executors read again what they have carried out."""
    part, executors = random.choice((("records", RECORD_EXECUTORS), ("deliveries", OUTSIDE_EXECUTORS)))
    async with AsyncExitStack() as stack:
        for name in stage.processes_of(part):
            await stack.enter_async_context(stage.keeper.held(name))
            await stage.processes[name].stop()
        for executor in executors:
            await _rewind(stage, topics.executor_group(executor), topics.commands(executor))
    return f"rewound the groups of {part}"


async def copied(stage: Stage, random: Random) -> str:
    """Put the newest records of a topic into it once more."""
    name = random.choice((topics.INTERACTIONS, *(topics.commands(executor) for executor in RECORD_EXECUTORS)))
    topic, copies = stage.kafka.topic(name), 0
    reader = kafka.consumer(stage.kafka, client_id="rig", isolation="read_committed")
    async with kafka.running(reader), AIOKafkaProducer(bootstrap_servers=stage.kafka.bootstrap) as producer:
        parts = [TopicPartition(topic, number) for number in await _partitions(reader, topic)]
        ends = await reader.end_offsets(parts)
        reader.assign(parts)
        for part in parts:
            reader.seek(part, max(ends[part] - _COPIED_RECORDS, 0))
        found = await reader.getmany(*parts, timeout_ms=500, max_records=_COPIED_RECORDS)
        for part, records in found.items():
            for record in records:
                await producer.send(
                    topic, record.value, key=record.key, partition=part.partition, headers=list(record.headers)
                )
                copies += 1
        await producer.flush()
    return f"copied {copies} records of {name}"


async def destinations_dead(stage: Stage, random: Random) -> str:
    """Let the web server, the mail server or the functions answer nothing, refuse, or take what comes and say nothing."""
    who, time_s = random.choice(("web", "mail", "functions")), random.uniform(1.0, 6.0)
    mood: Mood = random.choice(("refusing", "hanging", "dropping"))
    sink: Sink = getattr(stage.sinks, who)
    sink.mood = mood
    await asyncio.sleep(time_s)
    sink.mood = "well"
    return f"the {who} server was {mood} for {time_s:.1f} s"


async def clock_stepped(stage: Stage, random: Random) -> str:
    """Move a process's clock, and back."""
    name = random.choice(tuple(stage.processes))
    step, time_s = random.choice(_SMALL_STEPS if name == "ingest" else _STEPS), random.uniform(1.0, 4.0)
    written = stage.clock_file(name).with_suffix(".new")
    written.write_text(step, encoding="ascii")
    written.replace(stage.clock_file(name))
    await asyncio.sleep(time_s)
    stage.clock_file(name).unlink()
    return f"moved the clock of {name} by {step} for {time_s:.1f} s"


async def database_disk_full(stage: Stage, random: Random) -> str:
    """Let the database write no file any further than it is long, for a while."""
    time_s = random.uniform(0.5, 3.0)
    server = stage.database.child
    await _limit(server, random.choice((1, 256, 4096)) * 1024)
    await asyncio.sleep(time_s)
    await _limit(server, resource.RLIM_INFINITY)
    await asyncio.sleep(0.5)  # one that panicked may be about to end
    ended = not server.running or await server.spec.ready() is not None
    if ended:
        await server.kill()
        await stage.database.restart()
    return f"the database's disk was full for {time_s:.1f} s{', which ended it' if ended else ''}"


async def broker_disk_full(stage: Stage, random: Random) -> str:
    """Let the broker append to no file, for a while: it gives up its log folder and ends."""
    time_s = random.uniform(0.5, 3.0)
    name, broker = _a_broker(stage, random)
    server = broker.child
    await _limit(server, 4096)
    await asyncio.sleep(time_s)
    await _limit(server, resource.RLIM_INFINITY)
    ended = not server.running or await server.spec.ready() is not None
    if ended:
        await server.kill()
        await broker_up(broker)
    return f"the disk of {name} was full for {time_s:.1f} s{', which ended it' if ended else ''}"


async def poisoned(stage: Stage, random: Random) -> str:
    """Put records that nobody can read into a topic."""
    name = random.choice((topics.INTERACTIONS, *(topics.commands(executor) for executor in RECORD_EXECUTORS)))
    values = [random.choice((BAD_JSON, b'["a", "list"]', b"\x00\xff", b"{}")) for _ in range(random.randint(1, 3))]
    producer = kafka.producer(stage.kafka, client_id="rig")
    async with kafka.running(producer):
        for value in values:
            await producer.send_and_wait(stage.kafka.topic(name), value, key=random.randbytes(16))
            stage.poison += 1
    return f"{len(values)} poisoned records in {name}"


async def nothing(_: Stage, random: Random) -> str:
    """Let the clients act undisturbed."""
    time_s = random.uniform(20.0, 30.0)
    await asyncio.sleep(time_s)
    return f"nothing went wrong for {time_s:.0f} s"


KILLS: Final[tuple[Fault, ...]] = (kill, kill_at_a_step, broker_killed, database_killed)
FAULTS: Final[tuple[Fault, ...]] = (
    kill,
    kill_at_a_step,
    terminate,
    suspend,
    storm,
    broker_killed,
    broker_suspended,
    database_killed,
    link_cut,
    link_refused,
    link_silent,
    packets_delayed,
    link_bad,
    rewound,
    copied,
    destinations_dead,
    clock_stepped,
    database_disk_full,
    broker_disk_full,
    poisoned,
)


def named(text: str) -> Fault:
    """Return a fault by its name here, if wanted of one service, at one step: `kill:relay`, `kill_at_a_step:relay=relay.after-ack`."""
    name, _, rest = text.partition(":")
    service, _, point = rest.partition("=")
    more = {key: value for key, value in (("name", service), ("point", point)) if value}
    fault: Fault = partial(globals()[name], **more)
    return fault


def _some_links(stage: Stage, random: Random) -> list[Link]:
    """Choose one way, or all that lead to a part."""
    if random.random() < 0.6:
        return [random.choice(list(stage.links.values()))]
    return stage.links_of(random.choice((*broker_names(len(stage.brokers)), "database", "client", *stage.processes)))


def _names(links: Iterable[Link]) -> str:
    names = [link.name for link in links]
    return names[0] if len(names) == 1 else f"{len(names)} ways ({names[0]} and others)"


async def broker_up(broker: RunningKafka) -> None:
    """Start a broker and wait until it answers."""
    await broker.child.start()
    await broker.child.wait_ready()


def _a_broker(stage: Stage, random: Random) -> tuple[str, RunningKafka]:
    """Choose a broker, and how it is told."""
    names = ("the broker",) if len(stage.brokers) == 1 else tuple(broker_names(len(stage.brokers)))
    return random.choice(list(zip(names, stage.brokers, strict=True)))


async def _limit(server: Child, size_bytes: int) -> None:
    """Let a server and what it started write no file beyond this size, as the user that it runs as, unless it has ended."""
    try:
        process = psutil.Process(server.pid)
        pids = [server.pid, *(child.pid for child in process.children(recursive=True))]
        numbers = (process.uids().real, process.gids().real, size_bytes, *pids)
    except psutil.NoSuchProcess:
        return
    limiting = await asyncio.create_subprocess_exec(sys.executable, "-I", "-S", "-c", _LIMIT, *map(str, numbers))
    assert await limiting.wait() == 0


async def _partitions(reader: object, topic: str) -> Iterable[int]:
    cluster = await reader._client.fetch_all_metadata()  # type: ignore[attr-defined]
    return sorted(cluster.partitions_for_topic(topic) or ())


async def _rewind(stage: Stage, group: str, name: str) -> None:
    """Set a group that has no member back by some records."""
    topic = stage.kafka.topic(name)
    reader = kafka.consumer(stage.kafka, client_id="rig", isolation="read_committed", group=group)
    async with kafka.running(reader):
        parts = [TopicPartition(topic, number) for number in await _partitions(reader, topic)]
        reader.assign(parts)
        first = await reader.beginning_offsets(parts)
        for part in parts:
            committed = await reader.committed(part)
            if committed is not None:
                await reader.commit({part: max(committed - _REWOUND_RECORDS, first[part])})
