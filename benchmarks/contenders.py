"""The contenders: Foveal and its peers as whole processes that train on the same folder."""

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.environment import HERE, program
from benchmarks.turns import Row, whole_process

DRIVERS = {
    "torchvision": "torchvision_reference.py",
    "fastai": "fastai_vision.py",
    "timm": "timm_train.py",
}
SIZE, BATCH_SIZE = 128, 32
"""Side of the photographs in pixels, and how many a step takes, for those that are told."""
PEERS = tuple(f"{peer}-{setting}" for setting in ("default", "best") for peer in DRIVERS)


def images_in(folder: Path) -> int:
    """How many files lie below `folder`."""
    return sum(path.is_file() for path in folder.rglob("*"))


def foveal(*words: object) -> Row:
    """`foveal train WORDS` with an empty cache, so that decoding is inside; "times" are its own seconds by part."""
    with tempfile.TemporaryDirectory() as temporary:
        run = Path(temporary) / "run"
        command = [sys.executable, "-m", "foveal", "train", *words, "--out", run, "--json"]
        ended = whole_process(command, FOVEAL_CACHE=str(Path(temporary) / "cache"))
        saved = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    result = json.loads(ended.output)
    return {
        "command": f"foveal train {shown(*words)}",
        "wall_seconds": ended.wall_seconds,
        "images_per_second_training": result["images_per_second"],
        "accuracy": result["metrics"]["accuracy"]["value"],
        "times": {**saved["times"], "start and exit": ended.wall_seconds - result["seconds"]},
    }


def warm_up(contenders: Sequence[str]) -> None:
    """Imports once what each imports, so that the first turns find it in the system's file cache as the later do."""
    for library in dict.fromkeys(name.split("-")[0] for name in contenders):
        if library in DRIVERS:
            whole_process([program("python"), HERE / DRIVERS[library], "--help"])
        else:
            whole_process([sys.executable, "-c", "import foveal.verbs.train"])


def peer(name: str, data: Path, *words: object) -> Row:
    """The peer's driver on `data`; `name` as in PEERS, `words` further arguments."""
    library, setting = name.split("-")
    return driver(program("python"), DRIVERS[library], data, "--setting", setting, *words)


def driver(python: Path | str, file: str, *words: object) -> Row:
    """A driver of benchmarks/peers run by `python`: what its JSON line says, and the wall time around it."""
    ended = whole_process([python, HERE / file, *words])
    result: dict[str, Any] = json.loads(ended.output.splitlines()[-1])
    return {
        "command": f"python benchmarks/peers/{file} {shown(*words)}",
        "wall_seconds": ended.wall_seconds,
        "images_per_second_training": result.pop("images_per_second"),
        **result,
    }


def shown(*words: object) -> str:
    """Words of a command for a result file: of an absolute path its last part alone."""
    return " ".join(word.name if isinstance(word, Path) and word.is_absolute() else str(word) for word in words)
