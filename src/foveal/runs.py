"""The run folder's layout: the names of its files, making one, and keeping a second process out of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import filelock

from foveal.errors import RunError
from foveal.files import read_json, write_text

_LOCK = ".lock"
_ENDS = ("stopped", "finished")  # records that a resumed run takes back


@dataclass(frozen=True)
class RunFolder:
    """Where each file of a run stands."""

    path: Path

    @property
    def model(self) -> Path:
        """The model file: the weights to use."""
        return self.path / "model.safetensors"

    @property
    def last(self) -> Path:
        """The checkpoint: everything that continues the training."""
        return self.path / "last.safetensors"

    @property
    def events(self) -> Path:
        """One JSON object a line: what training reported."""
        return self.path / "events.jsonl"

    @property
    def tensorboard(self) -> Path:
        """The same figures for TensorBoard, where they were asked for."""
        return self.path / "tensorboard"

    @property
    def metrics(self) -> Path:
        """What the run measured, for scripts."""
        return self.path / "metrics.json"

    @property
    def config(self) -> Path:
        """Every setting, resolved: `--config` repeats the run from it."""
        return self.path / "config.json"

    @property
    def report(self) -> Path:
        """The run for people."""
        return self.path / "report.html"


def model_path(model: Path | str) -> Path:
    """The model file: as given, or the one in a run folder."""
    path = Path(model)
    return RunFolder(path).model if path.is_dir() else path


def new_run(path: Path | None, name: str) -> RunFolder:
    """A run folder still to be filled: `path`, or a new one `runs/NAME-DATE-TIME` below the working folder.

    Raises RunError where `path` exists and is not an empty folder: a run never overwrites another.
    """
    if path is None:
        return _named_by_time(name)
    if path.exists() and (not path.is_dir() or any(each.name != _LOCK for each in path.iterdir())):
        raise RunError(
            f"{path}: exists and is not an empty folder; choose another --out, or continue it with --resume {path}"
        )
    return RunFolder(path)


def open_run(path: Path) -> RunFolder:
    """The run folder at `path`. Raises RunError where no run was started there."""
    run = RunFolder(path)
    if not run.config.is_file():
        raise RunError(f"{path}: no run to resume here (there is no config.json); give the folder of a started run")
    return run


def _named_by_time(name: str) -> RunFolder:
    """Makes a folder that no other process has: runs started in the same second get numbers."""
    name = name.replace(":", "-")  # of a network's family; Windows takes it in no path
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    for number in count(1):
        path = Path("runs") / (f"{name}-{stamp}" if number == 1 else f"{name}-{stamp}-{number}")
        with suppress(FileExistsError):
            path.mkdir(parents=True)
            break
    return RunFolder(path)


@contextmanager
def in_use(run: RunFolder, *, fresh: bool = False) -> Iterator[None]:
    """Makes the run folder where it is not there yet, and holds it: a second process gets a RunError.

    fresh: for a run that starts here. It is a RunError where another has started meanwhile, and where nothing was
    written into the folder, it goes again at the end.
    """
    run.path.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(run.path / _LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise RunError(f"{run.path}: another process is training into this run folder") from None
    try:
        if fresh and run.config.exists():
            raise RunError(f"{run.path}: another process has started a run here; choose another --out")
        yield
    finally:
        lock.release()
        if fresh and not any(each.name != _LOCK for each in run.path.iterdir()):
            (run.path / _LOCK).unlink(missing_ok=True)
            run.path.rmdir()


def read_events(run: RunFolder) -> list[dict[str, Any]]:
    """The run's records so far. A last line that a kill left half-written is left out."""
    if not run.events.is_file():
        return []
    lines = run.events.read_text(encoding="utf-8").split("\n")
    whole = lines[:-1]  # after the last newline stands an unfinished line or nothing
    return [_as_now(json.loads(line)) for line in whole]


def _as_now(record: dict[str, Any]) -> dict[str, Any]:
    """A record as it is written now: an older step has its accuracy beside its loss."""
    if record["event"] != "step" or "accuracy" not in record:
        return record
    accuracy = record.pop("accuracy")
    return {**record, "figures": {} if accuracy is None else {"accuracy": accuracy}}


def cut_events(run: RunFolder, step: int) -> None:
    """Drops the records after `step`, so that a resumed run's log continues where its checkpoint stands."""
    kept = [record for record in read_events(run) if record["step"] <= step and record["event"] not in _ENDS]
    write_text(run.events, "".join(json.dumps(record) + "\n" for record in kept))


def read_config(path: Path) -> dict[str, Any]:
    """The settings saved in a run's config.json. Raises RunError where the file is not one."""
    try:
        config = read_json(path)
    except (OSError, json.JSONDecodeError) as error:
        raise RunError(f"{path}: can't be read as a run's config.json: {error}") from None
    if not isinstance(config, dict) or "settings" not in config:
        raise RunError(f'{path}: not a run\'s config.json (it has no "settings")')
    return config
