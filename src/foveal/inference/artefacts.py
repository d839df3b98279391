"""What engines make of a network (a converted model, a verdict), cached in a folder.

A network's folder is named by a hash of its weights and of all else that what is made of it depends on. The folders
together are capped; the one used longest ago goes first.
"""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

import foveal
from foveal.contract import Contract
from foveal.files import atomic_folder, cache_folder

if TYPE_CHECKING:
    from torch import nn

CAP_BYTES = 4 * 2**30
_LOCK = ".lock"
_LOCK_SECONDS = 600.0


def artefact_folder(network: "nn.Module", contract: Contract) -> Path | None:
    """The folder for what is made of this network; None for a user's own module, whose code has no name.

    Reads every weight: about 50 ms for 100 MB.
    """
    import torch

    from foveal.bundle import CUSTOM

    if contract.architecture == CUSTOM:
        return None
    made_by = [foveal.__version__, torch.__version__, contract.architecture, contract.preprocess.to_json()]
    digest = hashlib.sha256(json.dumps(made_by).encode())
    for name, value in network.state_dict().items():
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        # (O, C, h, w) -> (O, h, w, C), as it lies in memory: no copy
        value = value.permute(0, 2, 3, 1) if value.ndim == 4 else value
        digest.update(value.contiguous().cpu().numpy())
    return cache_folder() / "engines" / digest.hexdigest()[:32]


@contextmanager
def artefact(folder: Path | None, name: str, make: Callable[[Path], None]) -> Iterator[Path]:
    """The folder called `name` in `folder`, filled by `make` where it is not there yet, and held for the block.

    Where `folder` is None it is made for the block alone. A second process that wants the same waits for the first.
    """
    if folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            make(Path(temporary))
            yield Path(temporary)
        return
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / _LOCK, timeout=_LOCK_SECONDS):
        os.utime(folder)  # the eviction's clock: last use
        cached = folder / name
        if not cached.is_dir():
            for left_over in folder.glob(f".{name}.*.tmp"):  # of a process that was killed
                shutil.rmtree(left_over)
            with atomic_folder(cached) as temporary_folder:
                make(temporary_folder)
            _evict(folder)
        yield cached


def _evict(spare: Path) -> None:
    """Removes the folders used longest ago until all fit under the cap; one that is in use stays."""
    folders = [each for each in spare.parent.iterdir() if each.is_dir()]
    sizes = {each: sum(file.stat().st_size for file in each.rglob("*")) for each in folders}
    total = sum(sizes.values())
    for each in sorted(folders, key=lambda folder: folder.stat().st_mtime):
        if total <= CAP_BYTES:
            return
        if each == spare:
            continue
        with contextlib.suppress(filelock.Timeout), filelock.FileLock(each / _LOCK, timeout=0):
            for cached in each.iterdir():
                if cached.is_dir():
                    shutil.rmtree(cached)
            total -= sizes[each]
