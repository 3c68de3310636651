"""What the evaluator counts. Labels are outcomes, reasons, executors and partitions: never an id."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

EVALUATED: Final = Counter(
    "finish_evaluator_evaluated_total", "Records evaluated, by kind or by why discarded", ["outcome"]
)
DISCARDED: Final = Counter(
    "finish_evaluator_discarded_total",
    "Sequences, derived ones too, and actions that did not fire, by reason",
    ["reason"],
)
FIRED: Final = Counter("finish_evaluator_fired_total", "Commands sent, by executor", ["executor"])
DEAD_LETTERS: Final = Counter("finish_evaluator_dead_letters_total", "Records that became dead letters", ["reason"])
STALE_FRAMES: Final = Counter(
    "finish_evaluator_stale_frames_total", "Frames dropped: fetched under an earlier assignment or position"
)
EVALUATION_SECONDS: Final = Histogram(
    "finish_evaluator_evaluation_seconds",
    "Time to evaluate one frame",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5),
)
ACKNOWLEDGEMENT_SECONDS: Final = Histogram(
    "finish_evaluator_acknowledgement_seconds",
    "From sending what a frame led to until the broker acknowledged it",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2, 10),
)
CHECKPOINT_SECONDS: Final = Histogram(
    "finish_evaluator_checkpoint_seconds",
    "Time to write one checkpoint",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 2, 10, 30),
)
CHECKPOINT_STATES: Final = Counter("finish_evaluator_checkpoint_states_total", "States written by checkpoints")
CHECKPOINT_AGE_SECONDS: Final = Gauge(
    "finish_evaluator_checkpoint_age_seconds", "Time with lag and without a checkpoint", ["partition"]
)
LAG: Final = Gauge("finish_evaluator_lag", "Records of the log behind the last checkpoint", ["partition"])
WAITING_FOR_DEFINITIONS: Final = Gauge(
    "finish_evaluator_waiting_for_definitions", "1: paused at a record that cites an unseen version", ["partition"]
)
LANES: Final = Gauge("finish_evaluator_lanes", "Partitions being evaluated here")
HYDRATED_STATES: Final = Counter("finish_evaluator_hydrated_states_total", "States read from the state topic")
HYDRATION_SECONDS: Final = Histogram(
    "finish_evaluator_hydration_seconds",
    "From an assignment to all its lanes being ready",
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 120),
)
REBALANCES: Final = Counter("finish_evaluator_rebalances_total", "Assignments received")


def forget(partition: int) -> None:
    """Stop exporting the gauges of a partition that is no longer ours: its new owner does."""
    for gauge in (LAG, CHECKPOINT_AGE_SECONDS, WAITING_FOR_DEFINITIONS):
        gauge.remove(str(partition))
