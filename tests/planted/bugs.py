"""The defects, each a few characters of the product's own code."""

from typing import Final, NamedTuple


class Bug(NamedTuple):
    """A defect: in `file`, `old`, which stands there once, becomes `new`."""

    name: str
    file: str
    old: str
    new: str


LANES: Final = "services/evaluator/lanes.py"
EVALUATION: Final = "services/evaluator/evaluation.py"
OWNERSHIP: Final = "services/evaluator/ownership.py"
STORE: Final = "services/evaluator/state_store.py"
STEP: Final = "core/step.py"
SEQUENCES: Final = "core/sequences.py"
STATE: Final = "core/state.py"
CASCADE: Final = "core/cascade.py"
TAKING: Final = "services/executors/runtime/taking.py"
SETTLEMENT: Final = "services/executors/runtime/settlement.py"
CONSUMER: Final = "services/executors/runtime/consumer.py"
PIPELINE: Final = "services/executors/runtime/pipeline.py"

BUGS: Final = (
    # Checkpoints and lanes.
    Bug("a checkpoint is one record ahead", LANES, "self.done = evaluated.next", "self.done = evaluated.next + 1"),
    Bug(
        "a checkpoint forgets what changed", LANES, "self._dirty.update(evaluated.changed)", "evaluated.changed.clear()"
    ),
    Bug(
        "a checkpoint behind a failed one lacks its states", LANES, "self._dirty = dirty | self._dirty", "dirty.clear()"
    ),
    Bug(
        "a checkpoint covers what is not sent yet",
        LANES,
        "        self.next = evaluated.next\n",
        "        self.next = self.done = evaluated.next\n",
    ),
    Bug(
        "a run marks only its first change",
        EVALUATION,
        "evaluated.changed[key] = stepped.state",
        "evaluated.changed.setdefault(key, stepped.state)",
    ),
    Bug(
        "a run ends before its last record",
        EVALUATION,
        "            evaluated.next = record.offset + 1\n",
        "            evaluated.next = max(evaluated.next, record.offset)\n",
    ),
    Bug(
        "decisions are sent without their commands",
        EVALUATION,
        "outputs[_COMMANDS[command.executor]].append((key, command.value, headers))",
        "pass",
    ),
    Bug(
        "commands are sent without their decisions",
        EVALUATION,
        "outputs[topics.DECISIONS].append((key, decision, headers))",
        "pass",
    ),
    Bug(
        "a lane that somebody else had is kept",
        OWNERSHIP,
        "return {lane.source for lane, was_lost in zip(kept, answers, strict=True) if was_lost}",
        "return set()",
    ),
    Bug(
        "an evicted state is not kept",
        STORE,
        "self._encoded[oldest] = self._machine.encode(resting)",
        "self._encoded.pop(oldest, None)",
    ),
    # The machine.
    Bug(
        "a snapshot moves the windows' clock",
        STEP,
        "values=folded(snapshot.values, pending),",
        "values=folded(snapshot.values, pending), time_ms=max(state.time_ms, snapshot.recorded_ms),",
    ),
    Bug("a snapshot forgets pending effects", STEP, "pending = uncovered(state.pending, marks)", "pending = ()"),
    Bug(
        "a snapshot's values hide pending effects",
        STEP,
        "values=folded(snapshot.values, pending)",
        "values=snapshot.values",
    ),
    Bug(
        "an old snapshot replaces a newer one",
        STEP,
        """    if snapshot.version <= state.version and not replayed:
        return Step(state, "snapshot")  # first appearances are in the order of versions: this is a repeat, however old
    if snapshot.version > state.version:
""",
        """    snapshot = replace(snapshot, raises=snapshot.raises and snapshot.version > state.version)
    if snapshot.version:
""",
    ),
    Bug(
        "marks go back",
        STEP,
        "{name: max(mark, state.marks.get(name, 0)) for name, mark in snapshot.marks.items()}",
        "{name: 0 for name in snapshot.marks}",
    ),
    Bug(
        "a mark covers one effect too few",
        STATE,
        "each.order > marks.get(each.executor, 0)",
        "each.order >= marks.get(each.executor, 0)",
    ),
    Bug(
        "a mark covers one effect too many",
        STATE,
        "each.order > marks.get(each.executor, 0)",
        "each.order > marks.get(each.executor, 0) + 1",
    ),
    Bug(
        "a repeated interaction fires again",
        STEP,
        "if seen_ms is not None and seen_ms > now_ms - limits.uids_kept_ms:",
        "if seen_ms is not None and seen_ms < 0:",
    ),
    Bug(
        "a repeated change fires again",
        STEP,
        "snapshot.version <= state.version and",
        "snapshot.version < state.version and",
    ),
    Bug("the fifth attempt is not spam", "core/spam.py", ">= limits.spam_attempts - 1", ">= limits.spam_attempts"),
    Bug("spam attempts are not counted", SEQUENCES, "        self._windows = windows\n", ""),
    Bug(
        "a frequency is not remembered",
        SEQUENCES,
        "fired={**state.fired, **self._fired} if self._fired else state.fired,",
        "fired=state.fired,",
    ),
    Bug(
        "a frequency allows one time too many",
        "core/definitions.py",
        "return count < self.number",
        "return count <= self.number",
    ),
    Bug(
        "a copied value is a sibling's",
        SEQUENCES,
        "actions.disabled_users, original, cause)",
        "actions.disabled_users, self._values, cause)",
    ),
    Bug(
        "a stale version of the list is used",
        SEQUENCES,
        "self._definitions.list(cause.subject, cause.version)",
        "self._definitions.list(cause.subject, 1)",
    ),
    Bug(
        "one cascade too many",
        SEQUENCES,
        "cause.depth > self._limits.depth_max",
        "cause.depth > self._limits.depth_max + 1",
    ),
    Bug("a cascade stays at its depth", CASCADE, "depth=cause.depth + 1", "depth=cause.depth"),
    Bug("an effect is not pending", SEQUENCES, "        self._pending.append(effect(place,", "        (effect(place,"),
    Bug(
        "commands of one sequence share an order",
        SEQUENCES,
        "identity, place = written.identify(action.id), self._place + len(self.commands)",
        "identity, place = written.identify(action.id), self._place",
    ),
    Bug("a state loses what it remembers", STATE, '"uids": state.uids', '"uids": {}'),
    Bug("a state loses its pending effects", STATE, 'b",".join([each.encoded for each in state.pending])', 'b""'),
    # Executors.
    Bug(
        "the ledger is not asked",
        TAKING,
        "if command.id in claimed and first[command.id] is entry:",
        "if first[command.id] is entry:",
    ),
    Bug(
        "a command twice in a batch has two effects",
        TAKING,
        "if command.id in claimed and first[command.id] is entry:",
        "if command.id in claimed:",
    ),
    Bug(
        "a repeat moves no mark",
        SETTLEMENT,
        "others = [entry.command for entry in entries if entry.command.prospect_id in existing]",
        "others = []",
    ),
    Bug("a batch drops what is new in it", PIPELINE, "waiting = parted(entries)[::-1]", "waiting = [entries]"),
    Bug(
        "a batch's commands of a prospect change places",
        SETTLEMENT,
        "in rounds((effect.command.prospect_id, effect) for effect in effects)",
        "in rounds((effect.command.prospect_id, effect) for effect in reversed(effects))",
    ),
    Bug(
        "offsets run ahead of the ledger",
        CONSUMER,
        "        await self._pipeline.settle(entries)\n        if round_ == self._round:\n            self._settled |= behind\n            self._uncommitted |= behind\n",
        "        if round_ == self._round:\n            self._settled |= behind\n            self._uncommitted |= behind\n        await self._pipeline.settle(entries)\n",
    ),
    Bug(
        "a commit overtakes the one before it",
        CONSUMER,
        "        async with self._committing:\n",
        "        async with asyncio.Lock():\n",
    ),
    Bug(
        "a batch that met an outage is forgotten",
        PIPELINE,
        '                metrics.RETRIES.labels(self._name, "database").inc()\n',
        "                return None\n",
    ),
    Bug(
        "an outage's batch is taken for carried out",
        PIPELINE,
        "            except RetryableError as exc:\n",
        "            except RetryableError as exc:\n                if failures:\n                    return None\n",
    ),
)
"""What the simulation finds."""

RELAYING: Final = "services/relay/relaying.py"
OUTBOX: Final = "services/relay/outbox.py"
PUBLISHER: Final = "services/ingest/publisher.py"
ACCEPTANCE: Final = "services/ingest/acceptance.py"
STAMPING: Final = "services/ingest/stamping.py"
CLAIMING: Final = "services/executors/runtime/claiming.py"
SEND_EMAIL: Final = "services/executors/actions/send_email.py"
SQL: Final = "services/executors/adapters/sql"

RIG_BUGS: Final[tuple[tuple[Bug, tuple[str, ...]], ...]] = (
    # What only real servers and processes show, each with the faults that it is looked for with.
    (
        Bug(
            "rows are deleted before the broker has them",
            RELAYING,
            """            dead = await self._publish(publisher, wanted)
            failpoint("relay.after-ack")
            await self._outbox.settle(rows, dead)
""",
            """            await self._outbox.settle(rows, [])
            failpoint("relay.after-ack")
            await self._publish(publisher, wanted)
""",
        ),
        ("kill_at_a_step:relay=relay.after-ack",) * 3,
    ),
    (
        Bug(
            "the relay leaves out each older row of a prospect",
            OUTBOX,
            "if not (row.type == EXECUTOR_SNAPSHOT == next_type.get(row.aggregateid)):",
            "if row.aggregateid not in next_type:",
        ),
        ("broker_killed", "broker_killed"),
    ),
    (
        Bug(
            "an interaction is accepted before the broker has it",
            PUBLISHER,
            """        try:
            await acknowledged
        finally:
            metrics.ACK_SECONDS""",
            """        try:
            asyncio.ensure_future(acknowledged)
            await asyncio.sleep(0)
        finally:
            metrics.ACK_SECONDS""",
        ),
        ("kill:ingest", "kill:ingest", "broker_killed", "kill:ingest"),
    ),
    (
        Bug(
            "an unsubscription is an interaction only",
            ACCEPTANCE,
            "            await enrolment.consent(UUID(each.key), item.event.source, item.event.type, item.data)\n",
            "",
        ),
        ("terminate",) * 4,
    ),
    (
        Bug(
            "an older version is stamped",
            STAMPING,
            "        return self._stamped(event.id, event.source, event.type, event.subject, instant(event.time), key, item.data)",
            """        made = self._stamped(event.id, event.source, event.type, event.subject, instant(event.time), key, item.data)
        made.document["actionlistversion"] = min(made.document["actionlistversion"], 2)
        return made""",
        ),
        ("terminate",) * 6,
    ),
    (
        Bug(
            "a mail that was cut off is sent again",
            CLAIMING,
            "if taken.cut_off and not self._remote.repeatable(taken.delivery.command):",
            "if taken.cut_off and taken.lease < 0:",
        ),
        ("kill_at_a_step:deliveries=executor.email.after-attempt",) * 4,
    ),
    (
        Bug(
            "consent is not looked at when a mail is sent",
            SEND_EMAIL,
            'if refused("marketing" if marketing else "transactional", prospect["consent"], of_list):',
            'if refused("transactional", prospect["consent"], of_list):',
        ),
        ("terminate",) * 6,
    ),
    (
        Bug(
            "what waits for a dead command goes on",
            f"{SQL}/deliveries.sql",
            "a.on_failure = 'hold' AS hold",
            "false AS hold",
        ),
        ("terminate",) * 4,
    ),
    (
        Bug(
            "a delivery waits for nobody",
            f"{SQL}/deliveries.sql",
            "    WHERE NOT coalesce(l.state IN ('done', 'no_change', 'suppressed') OR",
            "    WHERE l.state = 'dead' AND NOT coalesce(l.state IN ('done', 'no_change', 'suppressed') OR",
        ),
        ("suspend:records",) * 3,
    ),
    (
        Bug(
            "an effect stands without its mark",
            f"{SQL}/score.sql",
            "UPDATE prospects p SET score = j.score, applied_score = greatest(p.applied_score, j.place)",
            "UPDATE prospects p SET score = j.score, applied_score = p.applied_score",
        ),
        ("kill:evaluator-1", "kill:evaluator-2", "storm"),
    ),
    (
        Bug(
            "a task has an id of its own", f"{SQL}/tasks.sql", "SELECT $1::uuid, p.id", "SELECT gen_random_uuid(), p.id"
        ),
        ("terminate",) * 4,
    ),
    (
        Bug(
            "dead letters are lost",
            f"{SQL}/ledger.sql",
            '    AS d (id, reason, error, topic, partition, "offset", key, value, uid, prospect_id, command_id, attempts, cut)\nON',
            '    AS d (id, reason, error, topic, partition, "offset", key, value, uid, prospect_id, command_id, attempts, cut)\nWHERE d.command_id IS NULL\nON',
        ),
        ("terminate",) * 4,
    ),
)
