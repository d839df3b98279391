"""Every architecture trained for two epochs on real photographs: loss at the start and the end, images a second."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import keep, unpacked
from foveal.networks import NETWORKS, network_spec

EPOCHS = 2


def train(name: str, data: Path) -> dict[str, Any]:
    """One run: training loss of each epoch, and images a second."""
    size = min(64, network_spec(name).size)
    words = ("--model", name, "--epochs", EPOCHS, "--size", size, "--augmentation", "none")
    return {"model": name, **losses_of(data, *words, figure="accuracy")}


def losses_of(data: Path, *words: object, figure: str) -> dict[str, Any]:
    """`foveal train DATA WORDS`: its losses, pace and test figure."""
    with tempfile.TemporaryDirectory() as temporary:
        run = Path(temporary) / "run"
        given = ["train", str(data), *map(str, words)]
        command = [sys.executable, "-m", "foveal", *given, "--out", str(run), "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        result = json.loads(done.stdout)
        lines = (run / "events.jsonl").read_text(encoding="utf-8").splitlines()
        records = [json.loads(line) for line in lines]
    losses = [record["loss"] for record in records if record["event"] == "step"]
    return {
        "command": "foveal " + " ".join([given[0], data.name, *given[2:]]),
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "epoch_losses": [record["train"]["loss"] for record in records if record["event"] == "epoch"],
        "images_per_second": result["images_per_second"],
        "seconds": result["seconds"],
        figure: result["metrics"][figure]["value"],
    }


def main() -> None:
    """About 25 minutes on 2 cores."""
    data = unpacked("caltech22")
    rows = []
    for name in NETWORKS:
        row = train(name, data)
        rows.append(row)
        keep("architectures", rows)
        print(
            f"{name:18} loss {row['epoch_losses'][0]:9.4f} -> {row['epoch_losses'][-1]:9.4f}"
            f" {row['images_per_second']:8.1f} images/s {row['seconds']:6.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
