"""The consumers of chaos against processes: killed, paused, ended, started, in a group.

The embedded broker never leaves a dead member out of its group: this does it, as Kafka would after
the session timeout.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator

from tests.chaos.due import Due
from tests.faults.cluster import Cluster, Role

MOST = 4
_JOIN_SECONDS = 20
_EVICT_SECONDS = 2  # where nobody works
_END_SECONDS = 50  # twice what is promised, on machines that do more than this


class Members:
    """One to four consumers. `troubles`: what they may not do, end by themselves or not at all."""

    def __init__(self, cluster: Cluster, due: Due, counts: Counter[str]) -> None:
        self._cluster, self._due, self._counts = cluster, due, counts
        self._roles: list[Role] = []
        self._frozen: set[Role] = set()
        self.generation = 1
        self.troubles: list[str] = []

    def __iter__(self) -> Iterator[Role]:
        return iter(self._roles)

    def __len__(self) -> int:
        return len(self._roles)

    def some(self, number: int) -> Role:
        """One that has joined the group and is not about to die, if one comes in time: what hits
        only processes that begin proves little."""
        self._wait(lambda: any(map(self._works, self._roles)))
        if not (free := [one for one in self._roles if self._works(one)]):
            self._counts["nobody worked"] += 1
            free = self._roles
        return free[number % len(free)]

    def join(self, leaver: Role | None = None) -> None:
        """One more; where there are enough already, another leaves."""
        if leaver and len(self) == MOST:
            self.leave(leaver)
        settings = {"UNDERTONE_TEST_GENERATION": str(self.generation)}
        self._roles.append(self._cluster.member(**settings))

    def leave(self, role: Role) -> None:
        """One less, but one stays."""
        if len(self) == 1:
            self.join()
        self._roles.remove(role)
        self.end(role)

    def kill(self, role: Role, evicted_after: float) -> None:
        """SIGKILL, and a new process at once."""
        role.kill()
        self._frozen.discard(role)
        self._start(role)
        self._due.later(evicted_after, self.evict_dead)

    def restart(self, role: Role, doom: str = "") -> None:
        """SIGTERM and a new process, which perhaps kills itself at this place of an insert: it is
        waited for, so that what is sent next comes to it."""
        self.end(role)
        self._start(role, doom)
        self._wait(lambda: not (doomed(role) and role.alive) or _joined(role))

    def restart_all(self) -> None:
        """Every one, with the current generation."""
        for role in self._roles:
            self._start(role)

    def freeze(self, role: Role, seconds: float) -> None:
        """SIGSTOP, and SIGCONT later."""
        if role.alive:
            role.pause()
            self._frozen.add(role)
            self._due.later(seconds, lambda process=role.process: self._thaw(role, process))

    def end(self, role: Role) -> None:
        """SIGTERM, and exit code 0; or the signal's own before it has begun and listens to it."""
        self._thaw(role)
        if role.alive:
            role.term()
        self._await_end(role)

    def end_all(self) -> None:
        """All at once; they are still there to be started again."""
        for role in self._roles:
            self._thaw(role)
            if role.alive:
                role.term()
        for role in self._roles:
            self._await_end(role)

    def revive(self) -> None:
        """Start again who has died."""
        for role in self._roles:
            if not role.alive:
                code = role.wait()
                if doomed(role) and code == -signal.SIGKILL:
                    self._counts[f"died {role.settings['UNDERTONE_TEST_KILL_AT']}"] += 1
                else:
                    self.complain(role, code)
                self._start(role)
                self._due.later(0.3, self.evict_dead)

    def evict(self, *clients: str) -> None:
        """Out of the group, wherever the processes are."""
        if self._cluster.broker.pid is not None:  # else it comes back without its groups
            self._counts["evicted"] += self._cluster.group.evict(*clients)

    def evict_dead(self) -> None:
        """Whoever is in the group and no process of ours any more: killed, or ended in order while
        it was about to join again (seen: its last request makes it a member that nobody is)."""
        living = {role.client for role in self._roles if role.alive}
        if self._cluster.broker.pid is not None:
            self.evict(*(set(self._cluster.group.members().values()) - living))

    def complain(self, role: Role, code: int) -> None:
        """It ended as it should not."""
        lines = role.log.read_text(errors="replace").splitlines()
        self.troubles.append(f"{role.client} ended with exit code {code}: {lines[-1:]}")

    def _wait(self, holds: Callable[[], bool]) -> None:
        """Until it holds, if it does in time; what dies meanwhile is started again and evicted:
        whoever joins would wait for it."""
        deadline = time.monotonic() + _JOIN_SECONDS
        look = time.monotonic() + _EVICT_SECONDS
        while not holds() and time.monotonic() < deadline:
            time.sleep(0.05)
            self._due.do()
            self.revive()
            if time.monotonic() > look:
                self.evict_dead()
                look = time.monotonic() + _EVICT_SECONDS

    def _start(self, role: Role, doom: str = "") -> None:
        role.settings |= {
            "UNDERTONE_TEST_GENERATION": str(self.generation),
            "UNDERTONE_TEST_KILL_AT": doom,
        }
        role.start()

    def _works(self, role: Role) -> bool:
        return _joined(role) and role.alive and role not in self._frozen and not doomed(role)

    def _thaw(self, role: Role, process: object = None) -> None:
        """Unless it is another process by now."""
        if role in self._frozen and process in (None, role.process):
            self._frozen.remove(role)
            role.resume()

    def _await_end(self, role: Role) -> None:
        deadline = time.monotonic() + _END_SECONDS
        while role.alive:
            if time.monotonic() > deadline:
                self.troubles.append(f"{role.client} did not end in {_END_SECONDS} s")
                role.kill()
                return
            time.sleep(0.02)
            self._due.do()  # what it waits for may come back
        code = role.wait()
        as_doomed = doomed(role) and code == -signal.SIGKILL
        unbegun = code == -signal.SIGTERM and not role.log.stat().st_size
        if code and not as_doomed and not unbegun:
            self.complain(role, code)


def _joined(role: Role) -> bool:
    return "partitions.assigned" in role.log.read_text(errors="replace")


def doomed(role: Role) -> bool:
    """Whether it is to kill itself."""
    return bool(role.settings.get("UNDERTONE_TEST_KILL_AT"))
