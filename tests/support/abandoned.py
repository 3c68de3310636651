"""Connections that aiokafka has left to the garbage collector.

`AIOKafkaClient.bootstrap` of aiokafka 0.14.0 closes its connection on errors but not on a cancellation while it asks for
the cluster, as when a service is stopped at its start. The collector would come across it in whatever test runs later, and
fail that one.
"""

import gc
import warnings


def collect_abandoned_connections() -> None:
    """Collect them now, where they belong, without their warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
