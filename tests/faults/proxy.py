"""A TCP proxy for tests: what passes through it is lost, delayed or held, as a network would.

One thread serves all connections. The faults may be combined; `heal` ends them all.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections import Counter, deque
from random import Random
from typing import Self

from stream.embedded.broker import EmbeddedBroker

_CHUNK = 64 * 1024
_MOST_WAITING = 4 * 1024 * 1024  # bytes of one direction; then the sender has to wait
_TURN_MS = 20
_DRAWN_EVERY = 8  # chunks
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST
_ENDED = select.POLLIN | select.POLLHUP | select.POLLERR


class _Link:
    """A client's connection and ours to the server."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.ends = (client, server)
        self.waiting: tuple[deque[tuple[float, bytes]], ...] = (deque(), deque())  # for each end
        self.asked = b""  # since the last answer, up to a chunk
        self.answering = False
        self.doomed = False
        self.left: int | None = None  # chunks until it is cut, or drawn again
        self.dead = False  # nothing passes any more, and neither end is told
        self.ending = False  # one end has closed: the other gets the rest, then it is closed too

    def close(self, reset: bool = False) -> None:
        for end in self.ends:
            if reset:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.close()


class Proxy:
    """Listens on `host:port` (0: a free one) and passes on to `upstream`, which may be changed
    while it runs. `counts` tells what was done. A context manager.

    `rewrite`: words of equal length, of which the second stands for the first in what the server
    sends. A broker tells its clients where to connect to, which must be here (`before_broker`).
    """

    def __init__(
        self,
        upstream: tuple[str, int],
        port: int = 0,
        host: str = "127.0.0.1",
        rewrite: tuple[bytes, bytes] = (b"", b""),
    ) -> None:
        assert len(rewrite[0]) == len(rewrite[1])
        self.upstream = upstream
        self._rewrite = rewrite
        self.host = host
        self.counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._links: list[_Link] = []
        self._listener: socket.socket | None = socket.create_server((host, port))
        self.port = int(self._listener.getsockname()[1])
        self._forget()
        self._stopped = False
        self._thread = threading.Thread(target=self._serve, name="proxy", daemon=True)

    def _forget(self) -> None:
        self._seconds = 0.0
        self._holding = False
        self._answers_lost = 0.0
        self._links_lost = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        self._thread.join(10)
        self.refuse()

    # The faults

    def delay(self, seconds: float) -> None:
        """What comes from now on is passed on so much later, in each direction."""
        with self._lock:
            self._seconds = seconds

    def drop_answers(
        self, share: float, seed: int, to: bytes = b"", *, silently: bool = False
    ) -> None:
        """Of requests that contain `to` in their first 64 kB, this share reaches the server, but
        the answer is not passed on and the connection is closed; `silently`: stays open, dead."""
        with self._lock:
            self._answers_lost, self._random = share, Random(seed)
            self._lost_answers_of, self._silently = to, silently

    def lose(self, share: float, seed: int) -> None:
        """This share of the connections, of those there are and of new ones, is cut (RST) within
        its next eight chunks. Those spared are drawn again after that."""
        with self._lock:
            self._links_lost, self._random = share, Random(seed)
            for link in self._links:
                self._doom(link)

    def half_open(self) -> None:
        """From now on nothing passes and nothing is closed; who connects is accepted, no more.

        `heal` lets new connections through. Those held stay dead, as when a firewall forgot them.
        """
        with self._lock:
            self._holding = True
            for link in self._links:
                self._hold(link)

    def refuse(self) -> None:
        """Nobody listens here, and every connection is reset."""
        with self._lock:
            if self._listener is not None:
                self._listener.close()
                self._listener = None
            for link in self._links:
                link.close(reset=True)
            self.counts["reset"] += len(self._links)
            self._links.clear()

    def heal(self) -> None:
        """Pass everything on again."""
        with self._lock:
            self._forget()
            for link in self._links:
                link.left = None
            if self._listener is None:
                self._listener = socket.create_server((self.host, self.port))

    def _doom(self, link: _Link) -> None:
        link.doomed = self._random.random() < self._links_lost
        link.left = self._random.randrange(_DRAWN_EVERY) if link.doomed else _DRAWN_EVERY

    def _hold(self, link: _Link) -> None:
        self.counts["held"] += not link.dead
        link.dead = True

    # The thread

    def _serve(self) -> None:
        while not self._stopped:
            poll = select.poll()
            with self._lock:
                listener, polled = self._listener, self._register(poll)
                if listener is not None:
                    poll.register(listener, select.POLLIN)
                    number = listener.fileno()
            found = poll.poll(_TURN_MS)
            with self._lock:
                for descriptor, events in found:
                    if descriptor in polled:
                        self._look_after(*polled[descriptor], events)
                    elif listener is not None and descriptor == number:
                        self._accept(listener)

    def _register(self, poll: select.poll) -> dict[int, tuple[_Link, int]]:
        """Every end that may read, or write what is due."""
        polled = {}
        now = time.monotonic()
        for link in [one for one in self._links if not one.dead]:
            for side, end in enumerate(link.ends):
                there = link.waiting[1 - side]
                room = not link.ending and sum(len(data) for _, data in there) < _MOST_WAITING
                due = bool(link.waiting[side]) and link.waiting[side][0][0] <= now
                events = room * select.POLLIN | due * select.POLLOUT
                if events:
                    poll.register(end, events)
                    polled[end.fileno()] = link, side
        return polled

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except OSError:  # closed meanwhile
            return
        server = socket.socket()
        client.setblocking(False)
        server.setblocking(False)
        server.connect_ex(self.upstream)
        link = _Link(client, server)
        self._links.append(link)
        self.counts["connections"] += 1
        if self._links_lost:
            self._doom(link)
        if self._holding:
            self._hold(link)

    def _look_after(self, link: _Link, side: int, events: int) -> None:
        if link not in self._links or link.dead:  # a fault has come between
            return
        try:
            if events & _ENDED and not link.ending:
                self._take(link, side)
            if events & select.POLLOUT and link in self._links and not link.dead:
                self._give(link, side)
        except BlockingIOError:
            return
        except OSError:
            self._end(link, reset=True)
        if link.ending and not any(link.waiting):
            self._end(link)

    def _take(self, link: _Link, side: int) -> None:
        data = link.ends[side].recv(_CHUNK)
        if not data:
            link.ending = True
            link.waiting[side].clear()  # nobody reads it any more
            return
        if side == 0:
            begun = b"" if link.answering else link.asked
            link.asked, link.answering = (begun + data)[:_CHUNK], False
        elif not link.answering:
            link.answering = True
            if self._loses_answer(link):
                return
        if link.left is not None:
            link.left -= 1
            if link.left < 0 and link.doomed:
                self.counts["cut"] += 1
                self._end(link, reset=True)
                return
            if link.left < 0:
                self._doom(link)
        if side == 1 and self._rewrite[0]:
            data = data.replace(*self._rewrite)
        link.waiting[1 - side].append((time.monotonic() + self._seconds, data))

    def _loses_answer(self, link: _Link) -> bool:
        if not self._answers_lost or self._lost_answers_of not in link.asked:
            return False
        self.counts["answers"] += 1
        if self._random.random() >= self._answers_lost:
            return False
        self.counts["answers lost"] += 1
        if self._silently:
            link.dead = True
        else:
            self._end(link)
        return True

    def _give(self, link: _Link, side: int) -> None:
        due, data = link.waiting[side].popleft()
        try:
            sent = link.ends[side].send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            link.waiting[side].appendleft((due, data[sent:]))

    def _end(self, link: _Link, reset: bool = False) -> None:
        if link in self._links:
            self._links.remove(link)
            link.close(reset)


def before_broker(broker: EmbeddedBroker) -> Proxy:
    """A proxy in front of a broker that listens on 127.0.0.2 and a fixed port: it is at the same
    port of 127.0.0.1, and says 127.0.0.1 where the broker tells of itself."""
    assert broker.host == "127.0.0.2" and broker.port
    where = (broker.host, broker.port)
    return Proxy(where, broker.port, rewrite=(b"127.0.0.2", b"127.0.0.1"))
