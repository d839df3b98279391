"""Ctrl-C and SIGTERM as a request that training reads after each step, whichever of its processes they reached."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from foveal.processes.group import Processes


class StopRequest:
    """What a signal asked for."""

    def __init__(self, processes: Processes) -> None:
        self.received: int | None = None
        """The signal that reached this process."""
        self.signal: int | None = None
        """The one that all processes end for."""
        self._processes = processes

    def reason(self) -> str | None:
        """In words, or None; all processes ask together and get the same."""
        self.signal = self._processes.all_reduce_max(self.received or 0) or None
        return None if self.signal is None else signal.Signals(self.signal).name


@contextmanager
def stop_requests(processes: Processes) -> Iterator[StopRequest]:
    """Ctrl-C and SIGTERM end training after the current step; a second one ends it at once.

    Only the main thread can take signals; elsewhere nothing is changed.
    """
    stop = StopRequest(processes)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def request(number: int, _: object) -> None:
        stop.received = number
        for each in numbers:
            signal.signal(each, before[each])

    for number in numbers:
        signal.signal(number, request)
    try:
        yield stop
    finally:
        for number in numbers:
            signal.signal(number, before[number])
