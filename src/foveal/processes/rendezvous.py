"""Where the processes of a run find each other, and leave word when one of them fails: torchrun's key-value store."""

import json
import sys
import time
from datetime import timedelta
from itertools import count
from uuid import uuid4

from torch import distributed

from foveal.errors import FovealError, Interrupted, ProcessLost
from foveal.processes.launch import Launch

_POLL_SECONDS = 0.02
_GRACE_SECONDS = 1.0  # in which rank 0 says what went wrong, before torchrun ends it for our sake
_SAID_SECONDS = 30.0
_meetings = count()


class Rendezvous:
    """One gathering of all processes: `store` is its own, `kept` outlives the processes where torchrun holds it."""

    def __init__(self, launch: Launch) -> None:
        """Waits for all of them. Raises FovealError where they don't come."""
        self.launch = launch
        self._last_word = "rank 0 of this run has gone, and the others can't go on without it"
        try:
            shared, _, _ = next(distributed.rendezvous("env://"))
            self.kept = distributed.PrefixStore(f"foveal/{next(_meetings)}", shared)
            self.store = distributed.PrefixStore(_roll_call(self.kept, launch.rank, launch.world), self.kept)
        except RuntimeError as error:
            raise FovealError(f"the {launch.world} processes of this run did not find each other: {error}") from error

    def leave_word(self, error: BaseException) -> None:
        """Tells rank 0 why this one fails; of several the one that came first is heard."""
        follows = isinstance(error, ProcessLost | Interrupted) or not isinstance(error, Exception)
        if not self.launch.first and not follows:
            reason = str(error) if isinstance(error, FovealError | OSError) else f"{type(error).__name__}: {error}"
            self._last_word = f"process {self.launch.rank} of {self.launch.world} failed: {reason}"
            self.store.compare_set("word", "", self._last_word)

    def word(self) -> str:
        """Why another process has gone, as far as it could say; rank 0 asks."""
        if self.launch.first and self.store.check(["word"]):
            return self.store.get("word").decode()
        return "another process of this run has gone without a word (killed, or out of memory)"

    def part(self) -> None:
        """Ends a rendezvous that failed, once connections are closed: the others wait until the first has had its say.

        It has to come first, because torchrun ends every process when one has ended badly.
        """
        if self.launch.first:
            self.store.set("heard", "")
            return
        try:
            self.store.wait(["heard"], timedelta(seconds=_SAID_SECONDS))
            time.sleep(_GRACE_SECONDS)
        except RuntimeError:  # rank 0 is busy, hangs or is gone
            print(f"foveal: {self._last_word}", file=sys.stderr, flush=True)


def _roll_call(store: distributed.Store, rank: int, world: int) -> str:
    """A name for this rendezvous, known only to the processes that are here now.

    The store outlives processes that torchrun starts again. What those before left there must not be taken for an
    answer: torch's own set-up does, and fails on the addresses of the dead. So each process signs with a name that was
    never used, the first one publishes the names it has read, and each who finds its own there confirms it.
    """
    me = uuid4().hex
    store.set(f"here/{rank}", me)
    while True:
        if rank == 0:
            present = [store.get(f"here/{each}").decode() for each in range(world)]
            store.set("present", json.dumps(present))
        else:
            present = json.loads(store.get("present"))
        if rank > 0 and len(present) == world and present[rank] == me:
            store.set(f"{present[0]}/{me}", "")
            return str(present[0])
        if rank == 0 and (world == 1 or store.check([f"{me}/{each}" for each in present[1:]])):
            return me
        time.sleep(_POLL_SECONDS)
