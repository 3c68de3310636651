import socket
from pathlib import Path

import pytest

from deploy.local import ports
from deploy.local.ports import free_port
from deploy.local.settings import HOST

EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_a_free_port_can_be_listened_on() -> None:
    with socket.socket() as listener:
        listener.bind((HOST, free_port()))
        listener.listen(1)
        assert listener.getsockname()[1] >= 1024


@pytest.mark.skipif(not EPHEMERAL.exists(), reason="only Linux says which ports outgoing connections are given")
def test_a_free_port_is_none_that_an_outgoing_connection_may_take_while_its_server_is_down() -> None:
    lowest = int(EPHEMERAL.read_text(encoding="ascii").split()[0])
    assert all(free_port() < lowest for _ in range(50))


def test_no_port_is_given_twice_though_nobody_listens_yet() -> None:
    given = [free_port() for _ in range(300)]
    assert len(set(given)) == len(given)


def test_processes_that_keep_to_their_share_never_draw_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_given", set())
    ports.keep_to_share(1, 3)
    assert {free_port() % 3 for _ in range(100)} == {1}
