"""The proxy does to a connection what its faults say, and nothing without them."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from tests.faults.proxy import Proxy
from tests.stream.consuming import eventually


class _Echo(socketserver.StreamRequestHandler):
    """Answers each line with the same line; `seen` is what came."""

    def handle(self) -> None:
        for line in self.rfile:
            self.server.seen.append(line)  # type: ignore[attr-defined]
            self.wfile.write(line)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Echo)
        self.seen: list[bytes] = []


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.05,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def proxy(server: _Server) -> Iterator[Proxy]:
    with Proxy(("127.0.0.1", server.server_address[1])) as made:
        yield made


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def ask(client: socket.socket, line: bytes = b"hello\n") -> bytes:
    client.sendall(line)
    answer = b""
    while len(answer) < len(line):
        data = client.recv(1 << 20)
        if not data:
            return answer
        answer += data
    return answer


def test_everything_passes_unchanged(proxy: Proxy) -> None:
    with connect(proxy) as client:
        for size in (1, 1000, 3_000_000):
            assert ask(client, b"x" * size + b"\n") == b"x" * size + b"\n"
    assert proxy.counts == {"connections": 1}


def test_a_delay_holds_each_direction_and_keeps_the_order(proxy: Proxy, server: _Server) -> None:
    proxy.delay(0.15)
    with connect(proxy) as client:
        began = time.monotonic()
        lines = b"".join(b"%d\n" % number for number in range(1000))
        assert ask(client, lines) == lines
        assert time.monotonic() - began >= 0.3


def test_what_a_client_sent_before_it_gave_up_still_arrives_late(
    proxy: Proxy, server: _Server
) -> None:
    proxy.delay(0.2)
    with connect(proxy) as client:
        client.sendall(b"late\n")
    assert server.seen == []
    eventually(lambda: server.seen == [b"late\n"])


def test_a_dropped_answer_was_asked_for_and_is_not_given(proxy: Proxy, server: _Server) -> None:
    proxy.drop_answers(1, seed=1, to=b"INSERT")
    with connect(proxy) as client:
        assert ask(client, b"SELECT\n") == b"SELECT\n"
        assert ask(client, b"INSERT\n") == b""
    assert server.seen == [b"SELECT\n", b"INSERT\n"]
    assert proxy.counts["answers lost"] == 1


def test_a_silently_dropped_answer_leaves_the_connection_open(
    proxy: Proxy, server: _Server
) -> None:
    proxy.drop_answers(1, seed=1, silently=True)
    with connect(proxy) as client:
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            ask(client)
    assert server.seen == [b"hello\n"]


def test_the_share_of_lost_answers_is_kept_over_requests_of_one_connection(proxy: Proxy) -> None:
    proxy.drop_answers(0.2, seed=3)
    client, lost = connect(proxy), 0
    for _ in range(200):
        if not ask(client):
            lost += 1
            client.close()
            client = connect(proxy)
    client.close()
    assert lost == proxy.counts["answers lost"] and 20 <= lost <= 60


def test_half_of_the_connections_are_cut(proxy: Proxy) -> None:
    proxy.lose(0.5, seed=5)
    cut = 0
    for _ in range(60):
        with connect(proxy) as client:
            try:
                cut += not all(ask(client) for _ in range(4))
            except ConnectionError:
                cut += 1
    assert cut == proxy.counts["cut"] and 15 <= cut <= 45


def test_half_open_connections_are_silent_and_stay_dead_and_new_ones_live_after_healing(
    proxy: Proxy,
) -> None:
    with connect(proxy) as old:
        assert ask(old) == b"hello\n"
        proxy.half_open()
        with connect(proxy) as new:
            for client in (old, new):
                client.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    ask(client)
            proxy.heal()
            with pytest.raises(TimeoutError):
                ask(old)
        with connect(proxy) as third:
            assert ask(third) == b"hello\n"
    assert proxy.counts["held"] == 2


def test_refused_connections_are_reset_and_the_port_comes_back(proxy: Proxy) -> None:
    with connect(proxy) as client:
        assert ask(client) == b"hello\n"
        proxy.refuse()
        with pytest.raises(ConnectionError):
            ask(client)
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
    proxy.heal()
    with connect(proxy) as client:
        assert ask(client) == b"hello\n"


def test_a_server_that_is_away_looks_away_and_another_can_take_its_place(
    proxy: Proxy, server: _Server
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        here, proxy.upstream = proxy.upstream, gone.getsockname()
    with pytest.raises(ConnectionError), connect(proxy) as client:
        client.recv(1)
    proxy.upstream = here
    with connect(proxy) as client:
        assert ask(client) == b"hello\n"
