"""What torchrun tells a process of its place among those of a run. No torch here: the command line asks too."""

import os
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Launch:
    """One process's place."""

    rank: int = 0
    """Counted over all machines, from 0; rank 0 decides, writes and prints."""
    world: int = 1
    """Processes in all."""
    local_rank: int = 0
    """Counted on this machine."""
    local_world: int = 1
    """Processes on this machine."""
    elastic: bool = False
    """Started by torchrun, which may start all processes again, and whose store outlives them."""

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0


def launched() -> Launch:
    """This process's place; alone where torchrun, or whoever sets its four variables, did not start it."""
    if any(name not in os.environ for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")):
        return Launch()
    return Launch(
        rank=int(os.environ["RANK"]),
        world=int(os.environ["WORLD_SIZE"]),
        local_rank=int(os.environ.get("LOCAL_RANK", 0)),
        local_world=int(os.environ.get("LOCAL_WORLD_SIZE", 1)),
        elastic=os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True",
    )


def threads_here() -> int | None:
    """How many threads this process computes with: its share of the machine's cores; None where that is not for us
    to say.

    OMP_NUM_THREADS is the user's word, but for a 1: torchrun sets that itself where several processes share a machine.
    """
    here = launched()
    if here.local_world == 1 or os.environ.get("OMP_NUM_THREADS", "1") != "1":
        return None
    return max(1, cores() // here.local_world)


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
