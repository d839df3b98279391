"""Ctrl-C and SIGTERM as a request that training reads after each step."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class StopRequest:
    """What a signal asked for."""

    signal: int | None = None

    def reason(self) -> str | None:
        """In words, or None."""
        return None if self.signal is None else signal.Signals(self.signal).name


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Ctrl-C and SIGTERM end training after the current step; a second one ends it at once.

    Only the main thread can take signals; elsewhere nothing is changed.
    """
    stop = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def request(number: int, _: object) -> None:
        stop.signal = number
        for each in numbers:
            signal.signal(each, before[each])

    for number in numbers:
        signal.signal(number, request)
    try:
        yield stop
    finally:
        for number in numbers:
            signal.signal(number, before[number])
