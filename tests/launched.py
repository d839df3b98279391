"""Functions run by several processes at once, as torchrun would start them, but in tenths of a second.

As torchrun does, this process holds the store through which they meet.
"""

import os
import pickle
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from torch.distributed import TCPStore

# A server imports torch once and is forked; Windows has none, and starts Python anew for each.
_CONTEXT = get_context("spawn" if sys.platform == "win32" else "forkserver")
if sys.platform != "win32":
    _CONTEXT.set_forkserver_preload(["foveal.verbs.train", "foveal.verbs.predict", "tests.made"])


@dataclass(frozen=True)
class Ended:
    """How one process ended."""

    value: Any
    """What the function gave; None where it raised."""
    error: BaseException | None
    exit_code: int | None
    out: str
    err: str


class Launched:
    """Processes that run `function(*arguments)`, each with its rank in its environment."""

    def __init__(self, function: Callable[..., Any], world: int, *arguments: Any, **environment: str) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
        common = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(self.store.port), **environment}
        common |= {"CUDA_VISIBLE_DEVICES": ""}  # each process wants a GPU of its own, and a machine may have one
        common |= {"WORLD_SIZE": str(world), "LOCAL_WORLD_SIZE": str(world), "TORCHELASTIC_USE_AGENT_STORE": "True"}
        self.processes = []
        for rank in range(world):
            own = {**common, "RANK": str(rank), "LOCAL_RANK": str(rank)}
            process = _CONTEXT.Process(target=_run, args=(self.folder / str(rank), own, function, arguments))
            process.start()
            self.processes.append(process)

    def wait(self, *, seconds: float = 60) -> list[Ended]:
        """How each ended, in order of rank; none may run for longer."""
        for process in self.processes:
            process.join(seconds)
        hanging = [process for process in self.processes if process.is_alive()]
        for process in hanging:
            process.kill()
        assert not hanging, f"{len(hanging)} processes hang"
        ended = [self._ended(rank) for rank in range(len(self.processes))]
        shutil.rmtree(self.folder)
        return ended

    def _ended(self, rank: int) -> Ended:
        folder = self.folder / str(rank)
        value, error = None, None
        if (folder / "result").is_file():
            value, error = pickle.loads((folder / "result").read_bytes())
        texts = [(folder / name).read_text() for name in ("out", "err")]
        return Ended(value, error, self.processes[rank].exitcode, *texts)


def together(function: Callable[..., Any], world: int, *arguments: Any) -> list[Any]:
    """What `function(*arguments)` gives on each of the processes, in order of rank."""
    ended = Launched(function, world, *arguments).wait()
    for each in ended:
        if each.error is not None:
            raise each.error
    return [each.value for each in ended]


def _run(folder: Path, environment: dict[str, str], function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    folder.mkdir()
    for name, number in (("out", 1), ("err", 2)):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environment)
    try:
        result = function(*arguments), None
    except SystemExit:
        raise
    except BaseException as error:
        result = None, error
    (folder / "result").write_bytes(pickle.dumps(result))
