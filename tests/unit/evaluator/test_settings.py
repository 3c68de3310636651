from services.chassis.settings import Kafka
from services.evaluator.settings import Evaluator, EvaluatorSettings


def test_a_worker_settles_as_long_as_it_is_told() -> None:
    assert EvaluatorSettings(kafka=Kafka(), evaluator=Evaluator(settle_timeout_s=3)).settle_timeout_s == 3


def test_a_worker_settles_before_the_group_gives_it_up() -> None:
    short = Kafka(session_timeout_ms=5_000)
    assert EvaluatorSettings(kafka=short, evaluator=Evaluator(settle_timeout_s=8)).settle_timeout_s == 4
