"""A value made at first use."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """Calls `load` at first use, once however many threads ask, and keeps what it gave.

    Pickled it holds `load` only: another process loads for itself.
    """

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._values: list[T] = []
        self._lock = threading.Lock()

    def __call__(self) -> T:
        if not self._values:
            with self._lock:
                if not self._values:
                    self._values.append(self._load())
        return self._values[0]

    def __reduce__(self) -> tuple[type[Once[T]], tuple[Callable[[], T]]]:
        return type(self), (self._load,)
