"""Processes that work for this one: each reads tasks from its standard input and writes results to its output.

Plain child processes and not `multiprocessing`, which runs the user's own script once more in each. What they say to
each other is pickled, as there: it goes through pipes that nobody else has, and never to a file.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Self, TypeVar

from foveal.errors import FovealError

T = TypeVar("T")
R = TypeVar("R")

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_PICKLE = 5


def can_start() -> bool:
    """Whether there is a Python to start: an embedded one may not say where, a frozen program would start itself."""
    return bool(sys.executable) and not getattr(sys, "frozen", False)


class Workers:
    """A number of processes; `run` may be called from as many threads."""

    def __init__(self, count: int) -> None:
        """Raises OSError where the system starts no more."""
        path = [each for each in sys.path if isinstance(each, str)]  # Python passes over others
        # Ctrl-C is for the process that gives the tasks, from the first moment on.
        quiet = "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN)"
        command = f"{quiet}; sys.path[:] = {path!r}; from foveal.feed.workers import serve; serve()"
        self._workers: list[subprocess.Popen[bytes]] = []
        try:
            for _ in range(count):
                self._workers.append(_started(command))
        except OSError:
            self.__exit__()
            raise
        self._free: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        for worker in self._workers:
            self._free.put(worker)

    def run(self, work: Callable[[T], R], task: T) -> R:
        """`work(task)` in the next process that is free. Raises what it raises, and FovealError where that ends."""
        worker = self._free.get()
        assert worker.stdin is not None
        assert worker.stdout is not None
        try:
            pickle.dump((work, task), worker.stdin, _PICKLE)
            worker.stdin.flush()
            result = pickle.load(worker.stdout)
        except Exception as error:  # whatever it is, what the process writes from now on can't be trusted
            worker.kill()
            raise FovealError(f"a process that decodes images has ended ({worker.wait()}): {error!r}") from error
        finally:
            self._free.put(worker)
        if isinstance(result, BaseException):
            raise result
        value: R = result
        return value

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.kill()  # what it still does nobody wants
        for worker in self._workers:
            worker.communicate()


def _started(command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **_ONE_THREAD},
    )


def serve() -> None:
    """Works on tasks until there are no more."""
    results = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever else is printed is no result
    while True:
        try:
            work, task = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        result: Any
        try:
            result = work(task)
        except Exception as error:  # for whoever asked
            result = error
        results.write(pickle.dumps(result, _PICKLE))
        results.flush()
