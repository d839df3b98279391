"""What several processes do together, and how they end when one of them fails."""

import os
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta

import pytest
import torch
from tests.launched import Launched, together
from torch import distributed

from foveal.errors import DataError, ProcessLost
from foveal.processes.group import ALONE, Processes, joined
from foveal.processes.launch import Launch, cores, launched, threads_here
from foveal.processes.rendezvous import _roll_call


def test_shares_are_even_and_leave_nothing_out() -> None:
    for world in (1, 2, 3, 8):
        for count in (0, 1, 2, 7, 64):
            parts = [
                list(range(count))[Processes(Launch(rank=rank, world=world)).share(count)] for rank in range(world)
            ]
            assert [each for part in parts for each in part] == list(range(count))
            lengths = [len(part) for part in parts]
            assert lengths == sorted(lengths, reverse=True)
            assert lengths[0] - lengths[-1] <= 1


def test_alone_nothing_is_connected() -> None:
    with joined() as processes:
        assert processes is ALONE
        assert not distributed.is_initialized()
    assert ALONE.broadcast(lambda: 3) == ALONE.in_turn(lambda: 3) == ALONE.all_reduce_max(3) == 3
    assert ALONE.sum({"a": 0.1}) == {"a": 0.1}
    assert ALONE.gather([1, 2]) == [1, 2]
    assert list(ALONE.share_out([1, 2], _doubled, size=1)) == [2, 4]


def _doubled(items: Iterable[int]) -> Iterator[int]:
    return (2 * item for item in items)


def everything() -> dict[str, object]:
    with joined() as processes:
        rank = processes.rank
        values = torch.full((5,), 0.1) * (rank + 1)
        processes.all_reduce(values)
        order: list[float] = []
        processes.in_turn(lambda: order.append(time.monotonic()))
        found = {
            "first": processes.broadcast(lambda: ("made by", os.environ["RANK"])),
            "sum": processes.sum({"a": rank + 0.5, "b": 1.0}),
            "largest": processes.all_reduce_max(15 if rank == 1 else 0),
            "gather": processes.gather([str(rank)] * rank),
            "add": values.tolist(),
            "at": order[0],
            "doubled": [list(processes.share_out(range(count), _doubled, size=2)) for count in (0, 1, 13)],
            "threads": torch.get_num_threads(),
        }
    with joined() as processes:  # a script may train twice
        return {**found, "again": processes.sum({"a": 1.0})}


def test_three_processes_together() -> None:
    first, *others = together(everything, 3)
    for each in (first, *others):
        assert each["first"] == ("made by", "0")
        assert each["sum"] == {"a": 4.5, "b": 3.0}
        assert each["largest"] == 15
        assert each["gather"] == ["1", "2", "2"]
        assert each["add"] == first["add"] == pytest.approx([0.6] * 5)
        assert each["again"] == {"a": 3.0}
        assert each["threads"] == max(1, cores() // 3)
        assert each["at"] >= first["at"]
    assert first["doubled"] == [[2 * item for item in range(count)] for count in (0, 1, 13)]
    assert [each["doubled"] for each in others] == [[[], [], []]] * 2


def failing(rank: int, how: str) -> None:
    with joined() as processes:
        processes.sum({"a": 1.0})
        if processes.rank == rank:
            if how == "killed":
                os._exit(9)
            raise {"data": DataError("no such image"), "fault": ValueError("a fault")}[how]
        while True:
            processes.sum({"a": 1.0})


def test_the_first_process_learns_why_another_failed() -> None:
    first, failed, other = Launched(failing, 3, 1, "data").wait(seconds=20)
    assert isinstance(first.error, ProcessLost)
    assert str(first.error) == "process 1 of 3 failed: no such image"
    assert isinstance(failed.error, DataError)
    assert isinstance(other.error, ProcessLost)
    assert [each.err for each in (failed, other)] == ["", ""]


def test_a_fault_is_named_and_the_first_ones_own_is_raised() -> None:
    first, _ = Launched(failing, 2, 1, "fault").wait(seconds=20)
    assert str(first.error) == "process 1 of 2 failed: ValueError: a fault"
    first, other = Launched(failing, 2, 0, "fault").wait(seconds=20)
    assert isinstance(first.error, ValueError)
    assert isinstance(other.error, ProcessLost)


def test_a_killed_process_ends_the_others() -> None:
    first, _, other = Launched(failing, 3, 1, "killed").wait(seconds=20)
    assert "gone without a word" in str(first.error)
    assert isinstance(other.error, ProcessLost)


def test_the_dead_are_not_taken_for_present() -> None:
    """What an earlier attempt left in the store: its names, and a rendezvous that had been confirmed."""
    store = distributed.HashStore()
    store.set_timeout(timedelta(seconds=5))
    for attempt in range(3):
        names: dict[int, str] = {}

        def answer(rank: int, names: dict[int, str] = names) -> None:
            time.sleep(0.1 * (2 - rank))  # the others come before the first
            names[rank] = _roll_call(store, rank, 3)

        threads = [threading.Thread(target=answer, args=(rank,), daemon=True) for rank in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=10)
        assert len(names) == 3, f"attempt {attempt} hangs"
        assert len(set(names.values())) == 1


def test_what_torchrun_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert launched() == Launch()
    told = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "node"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert launched() == Launch()  # no port: nobody to meet
    monkeypatch.setenv("MASTER_PORT", "1234")
    monkeypatch.setenv("TORCHELASTIC_USE_AGENT_STORE", "True")
    assert launched() == Launch(rank=5, world=8, local_rank=1, local_world=2, elastic=True)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert threads_here() == max(1, cores() // 2)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads_here() is None
