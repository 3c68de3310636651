"""The partition of a key, equal to the default partitioner of Kafka's own producer: murmur2, sign bit off, modulo.

The relay, ingest and the evaluator must agree with each other and with any Java client, else the records of one prospect
are no longer in one log.
"""

from functools import lru_cache
from typing import Final

from aiokafka.partitioner import murmur2

_KEYS_MAX: Final = 65_536


@lru_cache(maxsize=_KEYS_MAX)
def _positive_hash(key: bytes) -> int:
    hashed: int = murmur2(key)
    return hashed & 0x7FFFFFFF


def partition_for(key: bytes, partitions: int) -> int:
    """Return the partition, 0 to `partitions` - 1, of the topic's records with this key."""
    return _positive_hash(key) % partitions
