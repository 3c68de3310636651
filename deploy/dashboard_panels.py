"""What the dashboard asks: rows of panels, each panel one question in PromQL. `dashboard` writes them as Grafana's JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Panel:
    """One question: its unit, and per expression how a line of its answer is called."""

    title: str
    unit: str
    targets: Mapping[str, str]
    kind: Literal["timeseries", "stat"] = "timeseries"


def _rate(metric: str, *labels: str) -> str:
    return f"sum by ({', '.join(labels)}) (rate({metric}[$__rate_interval]))"


def _more(metric: str, *labels: str) -> str:
    return f"sum by ({', '.join(labels)}) (increase({metric}[$__rate_interval]))"


def _quantile(share: float, metric: str, *labels: str) -> str:
    return f"histogram_quantile({share}, {_rate(f'{metric}_bucket', 'le', *labels)})"


ROWS: Final[Mapping[str, tuple[Panel, ...]]] = {
    "Business flow": (
        Panel("Late? Oldest record that is not in the log", "s", {"max(finish_outbox_age_seconds)": "outbox"}, "stat"),
        Panel(
            "Lost? Dead letters in the last day",
            "short",
            {
                "sum(increase(finish_evaluator_dead_letters_total[1d])) or vector(0)": "evaluator",
                "sum(increase(finish_executor_dead_letters_total[1d])) or vector(0)": "executors",
                "sum(increase(finish_relay_dead_letters_total[1d])) or vector(0)": "relay",
            },
            "stat",
        ),
        Panel(
            "Doubled? Share of commands that came again, and relays that lead",
            "short",
            {
                "sum(rate(finish_executor_repeats_total[1h])) / sum(rate(finish_effects_total[1h]))": "came again",
                "sum(finish_relay_active)": "leaders",
            },
            "stat",
        ),
        Panel("Accepted interactions", "ops", {_rate("finish_ingest_accepted_total", "type"): "{{type}}"}),
        Panel("Requests refused", "ops", {_rate("finish_ingest_refused_total", "reason"): "{{reason}}"}),
        Panel(
            "Prospects created by events",
            "ops",
            {"sum(rate(finish_ingest_prospects_created_total[$__rate_interval]))": "created"},
        ),
        Panel(
            "Hosted files, by outcome", "ops", {_rate("finish_ingest_file_requests_total", "outcome"): "{{outcome}}"}
        ),
        Panel(
            "Hosted files sent",
            "Bps",
            {"sum(rate(finish_ingest_file_bytes_total[$__rate_interval]))": "sent"},
        ),
        Panel(
            "What mail services told of mails",
            "ops",
            {_rate("finish_ingest_feedback_total", "service", "outcome"): "{{service}} {{outcome}}"},
        ),
        Panel("Records evaluated", "ops", {_rate("finish_evaluator_evaluated_total", "outcome"): "{{outcome}}"}),
        Panel("Not fired, by reason", "ops", {_rate("finish_evaluator_discarded_total", "reason"): "{{reason}}"}),
        Panel("Commands fired", "ops", {_rate("finish_evaluator_fired_total", "executor"): "{{executor}}"}),
        Panel("Effects, by outcome", "ops", {_rate("finish_effects_total", "outcome"): "{{outcome}}"}),
        Panel("Effects, by action", "ops", {_rate("finish_effects_total", "action_type"): "{{action_type}}"}),
        Panel(
            "Dead letters stored", "short", {_more("finish_history_dead_letters_stored_total", "reason"): "{{reason}}"}
        ),
    ),
    "Latency and SLO": (
        Panel(
            "From acceptance to effect",
            "s",
            {
                _quantile(0.5, "finish_event_to_effect_seconds"): "half within",
                _quantile(0.99, "finish_event_to_effect_seconds"): "99 of 100 within",
            },
        ),
        Panel(
            "From acceptance to effect, 99th percentile",
            "s",
            {_quantile(0.99, "finish_event_to_effect_seconds", "executor"): "{{executor}}"},
        ),
        Panel(
            "Share of effects within a second",
            "percentunit",
            {
                'sum(rate(finish_event_to_effect_seconds_bucket{le="1.0"}[$__rate_interval]))'
                " / sum(rate(finish_event_to_effect_seconds_count[$__rate_interval]))": "within 1 s"
            },
        ),
        Panel(
            "Ingest's acknowledgements",
            "s",
            {
                _quantile(0.5, "finish_ingest_ack_seconds"): "half within",
                _quantile(0.99, "finish_ingest_ack_seconds"): "99 of 100 within",
            },
        ),
        Panel(
            "One frame of the evaluator, 99th percentile",
            "s",
            {
                _quantile(0.99, "finish_evaluator_evaluation_seconds"): "evaluate",
                _quantile(0.99, "finish_evaluator_acknowledgement_seconds"): "acknowledged",
            },
        ),
        Panel(
            "The API, 99th percentile",
            "s",
            {_quantile(0.99, "finish_console_request_seconds", "method", "route"): "{{method}} {{route}}"},
        ),
        Panel("Requests to the API", "ops", {_rate("finish_console_requests_total", "status"): "{{status}}"}),
        Panel(
            "Saves",
            "short",
            {
                "sum(finish_console_publications_waiting)": "wait for the log",
                "sum(increase(finish_console_publications_late_total[$__rate_interval]))": "answered before they were in it",
            },
        ),
        Panel(
            "How old definitions are in ingest",
            "s",
            {"max by (instance) (finish_ingest_definitions_lag_seconds)": "{{instance}}"},
        ),
    ),
    "Executors": (
        Panel("Commands not carried out", "short", {"sum by (executor) (finish_executor_lag_records)": "{{executor}}"}),
        Panel("Effects", "ops", {_rate("finish_effects_total", "executor"): "{{executor}}"}),
        Panel(
            "Dead letters",
            "short",
            {_more("finish_executor_dead_letters_total", "executor", "reason"): "{{executor}} {{reason}}"},
        ),
        Panel(
            "A batch, 95th percentile",
            "s",
            {_quantile(0.95, "finish_executor_batch_seconds", "executor"): "{{executor}}"},
        ),
        Panel(
            "Commands in a batch",
            "short",
            {
                f"{_rate('finish_executor_batch_records_sum', 'executor')} / {_rate('finish_executor_batch_records_count', 'executor')}": "{{executor}}"
            },
        ),
        Panel("Commands that came again", "ops", {_rate("finish_executor_repeats_total", "executor"): "{{executor}}"}),
        Panel(
            "Attempts at other systems",
            "ops",
            {_rate("finish_delivery_attempts_total", "executor", "result"): "{{executor}} {{result}}"},
        ),
        Panel(
            "Destinations that fail",
            "short",
            {
                "sum by (executor) (finish_delivery_destinations_open)": "{{executor}} left alone",
                _more("finish_delivery_destinations_paused_total", "executor"): "{{executor}} paused",
            },
        ),
        Panel(
            "Transactions tried again",
            "short",
            {_more("finish_executor_retries_total", "executor", "because"): "{{executor}} {{because}}"},
        ),
        Panel("Batches taken apart", "short", {_more("finish_executor_bisections_total", "executor"): "{{executor}}"}),
        Panel(
            "Offsets not committed",
            "short",
            {_more("finish_executor_offset_failures_total", "executor"): "{{executor}}"},
        ),
    ),
    "Kafka, PostgreSQL and processes": (
        Panel("Interactions not decided", "short", {"max by (partition) (finish_evaluator_lag)": "{{partition}}"}),
        Panel(
            "Work without a checkpoint",
            "s",
            {
                "max by (partition) (finish_evaluator_checkpoint_age_seconds)": "{{partition}}",
                "max(finish_evaluator_waiting_for_definitions)": "waits for a definition",
            },
        ),
        Panel(
            "Checkpoints",
            "s",
            {
                _quantile(0.99, "finish_evaluator_checkpoint_seconds"): "99 of 100 within",
                _quantile(0.99, "finish_evaluator_hydration_seconds"): "hydration",
            },
        ),
        Panel(
            "Partitions per evaluator, and assignments",
            "short",
            {
                "sum by (instance) (finish_evaluator_lanes)": "{{instance}}",
                "sum(increase(finish_evaluator_rebalances_total[$__rate_interval]))": "assignments",
                "sum(increase(finish_evaluator_stale_frames_total[$__rate_interval]))": "stale frames",
            },
        ),
        Panel(
            "Outbox",
            "s",
            {"max(finish_outbox_age_seconds)": "oldest", _quantile(0.99, "finish_relay_round_seconds"): "a round"},
        ),
        Panel(
            "Relay",
            "ops",
            {
                _rate("finish_relay_published_total", "topic"): "{{topic}}",
                "sum(rate(finish_relay_superseded_total[$__rate_interval]))": "superseded",
            },
        ),
        Panel(
            "Interruptions",
            "short",
            {
                _more("finish_relay_interruptions_total", "cause"): "relay {{cause}}",
                _more("finish_ingest_producers_replaced_total", "cause"): "ingest {{cause}}",
                "sum(increase(finish_history_retries_total[$__rate_interval]))": "history",
            },
        ),
        Panel("History behind", "short", {"max by (topic) (finish_history_lag_records)": "{{topic}}"}),
        Panel(
            "Definitions passed over",
            "short",
            {_more("finish_ingest_definitions_unreadable_total", "reason"): "{{reason}}"},
        ),
        Panel(
            "Processor",
            "percentunit",
            {"sum by (service) (rate(process_cpu_seconds_total[$__rate_interval]))": "{{service}}"},
        ),
        Panel("Memory", "bytes", {"sum by (service) (process_resident_memory_bytes)": "{{service}}"}),
        Panel(
            "Starts",
            "short",
            {"sum by (service) (changes(process_start_time_seconds[$__rate_interval]))": "{{service}}"},
        ),
    ),
}
