"""What processes use: this one, and its children with all of theirs."""

from __future__ import annotations

import os

import psutil


def cpu_seconds(pid: int) -> float:
    """Of the processors, by a process and all that descend from it, until now."""
    return sum(sum(process.cpu_times()[:2]) for process in _family(pid))


def resident_bytes() -> int:
    """Memory that this process holds now."""
    size: int = psutil.Process(os.getpid()).memory_info().rss
    return size


def _family(pid: int) -> list[psutil.Process]:
    head = psutil.Process(pid)
    return [head, *head.children(recursive=True)]
