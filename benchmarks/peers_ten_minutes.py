"""Test accuracy on photographs ten minutes after the start, from random weights: Foveal and its peers, one run each.

Foveal and Ultralytics take a time. The others take epochs: as many as fit, which a run of two epochs tells. That run
is not counted, and neither is Ultralytics' evaluation of the test images; of all others it is inside.
"""

import argparse
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common import keep, unpacked, with_val_folder
from benchmarks.contenders import BATCH_SIZE, PEERS, SIZE, foveal, peer
from benchmarks.peers.environment import program
from benchmarks.turns import Row, whole_process

SECONDS = 600
CONTENDERS = ("foveal", "torchvision-default", "fastai-default", "timm-default", "ultralytics")
KNOWN = ("foveal", *PEERS, "ultralytics")


def epochs_that_fit(seconds: float, *, two: Row) -> int:
    """The epochs that end within `seconds`, at least 2, by the row of a run of two: all after them as its last."""
    return 2 + max(0, int((seconds - two["wall_seconds"]) / two["epoch_seconds"][-1]))


def by_epochs(contender: str, data: Path, seconds: float) -> Row:
    """A peer that takes a number of epochs, at their size in pixels and batch."""
    same = ["--size", SIZE, "--batch-size", BATCH_SIZE, "--epochs"]
    epochs = epochs_that_fit(seconds, two=peer(contender, data, *same, 2))
    return peer(contender, data, *same, epochs)


def ultralytics(data: Path, seconds: float) -> Row:
    """YOLO11n's classifier as its configuration file describes it, without weights, by the command line alone."""
    yolo = program("yolo", "requirements-ultralytics.txt")
    with tempfile.TemporaryDirectory() as temporary:
        folder = shutil.copytree(data, Path(temporary) / data.name)  # it writes beside the images
        settings = {"YOLO_CONFIG_DIR": temporary}
        whole_process([yolo, "settings", "sync=False"], **settings)  # no usage reports from a benchmark
        same = [f"data={folder}", f"imgsz={SIZE}", "device=cpu", f"project={temporary}"]
        words = ["classify", "train", "model=yolo11n-cls.yaml", f"time={seconds / 3600:.4f}"]
        ended = whole_process([yolo, *words, *same, "name=run"], **settings)
        run = Path(temporary) / "run"
        weights = f"model={run / 'weights' / 'best.pt'}"
        tested = whole_process([yolo, "classify", "val", weights, "split=test", *same, "name=test"], **settings)
        epochs = len((run / "results.csv").read_text(encoding="utf-8").splitlines()) - 1
    return {
        "command": f"yolo {' '.join(words)} data={data.name} imgsz={SIZE} device=cpu",
        "wall_seconds": ended.wall_seconds,
        "accuracy": top1(tested.output),
        "epochs": epochs,
    }


def top1(output: str) -> float:
    """The accuracy in what `yolo classify val` prints: the first figure of the line that begins with "all"."""
    found = re.search(r"^\s*all\s+([\d.]+)\s+[\d.]+\s*$", output, re.MULTILINE)
    assert found is not None, f"no line of accuracies in:\n{output}"
    return float(found[1])


def run(contender: str, data: Path, seconds: float) -> Row:
    """The row of one contender."""
    if contender == "foveal":
        return foveal(data, "--time", f"{seconds:g}s")
    if contender == "ultralytics":
        return ultralytics(data, seconds)
    return by_epochs(contender, data, seconds)


def main(*, contenders: Sequence[str] = CONTENDERS, seconds: float = SECONDS) -> None:
    """About 60 minutes on 2 cores."""
    data = with_val_folder(unpacked("caltech22"))
    rows: list[Row] = []
    for contender in contenders:
        row = {"contender": contender, **run(contender, data, seconds)}
        rows.append(row)
        keep("peers-ten-minutes", rows, seconds=seconds)
        print(f"{contender}: test accuracy {row['accuracy']:.4f} after {row['wall_seconds']:.0f} s", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contenders", nargs="+", choices=KNOWN, default=CONTENDERS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    main(**vars(parser.parse_args()))
