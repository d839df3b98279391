"""What the processes of a run do together; alone, each of these gives back what it was given, at no cost."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from typing import Any, TypeVar

import torch
import torch.distributed.nn  # its functions keep the group that there is when it is imported, so before there is one
from torch import Tensor, distributed

from foveal.errors import ProcessLost
from foveal.processes.launch import Launch, cores, launched, threads_here
from foveal.processes.rendezvous import Rendezvous

T = TypeVar("T")
R = TypeVar("R")

# A process that ends is noticed by its closed connection. Waiting is for one that decodes or evaluates for us all.
_MOST_WAITING = timedelta(days=1)


class Processes:
    """This process among those of its run. All of them have to call the same methods in the same order.

    Each method raises ProcessLost where another process has gone.
    """

    def __init__(self, launch: Launch, rendezvous: Rendezvous | None = None) -> None:
        self.rank, self.world = launch.rank, launch.world
        self.local_rank, self.local_world = launch.local_rank, launch.local_world
        self.first = launch.first
        """Whether this is the process that decides, writes and speaks."""
        self._rendezvous = rendezvous

    def share(self, count: int) -> slice:
        """This process's part of `count` things: contiguous, the first ones having one more where it is uneven."""
        size, over = divmod(count, self.world)
        start = self.rank * size + min(self.rank, over)
        return slice(start, start + size + (self.rank < over))

    def broadcast(self, make: Callable[[], T]) -> T:
        """What `make` gives on rank 0; it is called there alone."""
        if self.world == 1:
            return make()
        made: list[Any] = [make() if self.first else None]
        with self._noticing():
            distributed.broadcast_object_list(made, src=0, device=torch.device("cpu"))
        value: T = made[0]
        return value

    def in_turn(self, make: Callable[[], T]) -> T:
        """`make()` on the first process of each machine, then on the others, which find what it left in the cache."""
        if self.local_rank == 0:
            made = make()
            self._wait()
            return made
        self._wait()
        return make()

    def sum(self, figures: Mapping[str, float]) -> dict[str, float]:
        """Each figure's sum over the processes, which all give the same names in the same order."""
        if self.world == 1:
            return dict(figures)
        values = torch.tensor(list(figures.values()), dtype=torch.float64)
        self.all_reduce(values)
        return dict(zip(figures, values.tolist(), strict=True))

    def gather(self, values: list[T]) -> list[T]:
        """The values of all processes, in order of rank; the same on each."""
        if self.world == 1:
            return values
        found: list[list[T]] = [[] for _ in range(self.world)]
        with self._noticing():
            distributed.all_gather_object(found, values)
        return [value for each in found for value in each]

    def all_reduce_max(self, value: int) -> int:
        """The largest of the processes' numbers."""
        if self.world == 1:
            return value
        values = torch.tensor([value])
        with self._noticing():
            distributed.all_reduce(values, op=distributed.ReduceOp.MAX)
        return int(values)

    def all_reduce(self, values: Tensor) -> None:
        """Makes a tensor the sum of the processes' tensors, to the same bits on each."""
        if self.world > 1:
            with self._noticing():
                distributed.all_reduce(values)

    def share_out(self, items: Sequence[T], work: Callable[[Iterable[T]], Iterator[R]], *, size: int) -> Iterator[R]:
        """Results of `work` for all items, in order, on rank 0; on the others none.

        Each process takes every N-th run of `size` items; results come together after each round of N such runs.
        """
        if self.world == 1:
            yield from work(items)
            return
        mine = (item for position, item in enumerate(items) if position // size % self.world == self.rank)
        results = work(mine)
        for _ in range(0, len(items), size * self.world):
            found: list[list[R]] = [[] for _ in range(self.world)] if self.first else []
            own = list(islice(results, size))
            with self._noticing():
                distributed.gather_object(own, found if self.first else None)
            for each in found:
                yield from each

    def keep(self, name: str, value: str) -> None:
        """Leaves a word for processes that torchrun starts in the place of these, where it does that."""
        if self._rendezvous is not None and self.first:
            self._rendezvous.kept.set(name, value)

    def kept(self, name: str) -> str | None:
        """What processes before these kept under that name; for rank 0 to ask."""
        if self._rendezvous is None or not self._rendezvous.kept.check([name]):
            return None
        return self._rendezvous.kept.get(name).decode()

    @contextmanager
    def all_cores(self) -> Iterator[None]:
        """Computes with all cores of the machine while the other processes wait."""
        before = torch.get_num_threads()
        torch.set_num_threads(before if threads_here() is None else cores())
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def _wait(self) -> None:
        self.all_reduce(torch.zeros(1))

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            assert self._rendezvous is not None
            raise ProcessLost(self._rendezvous.word()) from error


ALONE = Processes(Launch())


@contextmanager
def joined() -> Iterator[Processes]:
    """The processes that torchrun started for this run, connected; `ALONE` where there is only this one.

    Where one of them fails all do: rank 0 raises the reason, its own or what another left as its word; the
    others raise theirs, or ProcessLost, once the first has had the time to say it.
    """
    launch = launched()
    if launch.world == 1 and not launch.elastic:
        yield ALONE
        return
    rendezvous = Rendezvous(launch)
    if launch.world == 1:
        yield Processes(launch, rendezvous)
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(threads_here() or threads)
    _connect(rendezvous)
    failed = False
    try:
        yield Processes(launch, rendezvous)
    except BaseException as error:
        failed = True
        rendezvous.leave_word(error)  # before the connections close, by which the others notice
        raise
    finally:
        distributed.destroy_process_group()
        torch.set_num_threads(threads)
        if failed:
            rendezvous.part()


def _connect(rendezvous: Rendezvous) -> None:
    """Gloo for what lies on the CPU, figures and decisions among it; NCCL for gradients on CUDA devices, one each."""
    launch, backend = rendezvous.launch, "gloo"
    if torch.cuda.is_available() and distributed.is_nccl_available():
        torch.cuda.set_device(launch.local_rank % torch.cuda.device_count())
        backend = "cpu:gloo,cuda:nccl"
    distributed.init_process_group(
        backend, store=rendezvous.store, rank=launch.rank, world_size=launch.world, timeout=_MOST_WAITING
    )
