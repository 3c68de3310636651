import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.partitioner import partition_for

JAVA_HASHES = {  # of org.apache.kafka.common.utils.UtilsTest.testMurmur2
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("key", "hashed"), JAVA_HASHES.items())
def test_the_partition_is_the_one_that_kafkas_java_client_takes(key: bytes, hashed: int) -> None:
    for partitions in (1, 8, 50):
        assert partition_for(key, partitions) == (hashed & 0x7FFFFFFF) % partitions


@given(st.binary(max_size=64), st.integers(1, 100))
def test_the_partition_is_the_one_that_the_python_client_takes_by_default(key: bytes, partitions: int) -> None:
    everywhere = list(range(partitions))
    assert partition_for(key, partitions) == DefaultPartitioner()(key, everywhere, everywhere)
