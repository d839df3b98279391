"""Twenty kills at random moments: each time the run is resumed; its end has to be bit for bit an unbroken run's."""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from benchmarks.common import keep, unpacked

KILLS = 20
OPTIONS = ["--model", "resnet20_cifar", "--size", "32", "--epochs", "400", "--checkpoint-seconds", "0.5"]


def command(run: Path, *words: str) -> list[str]:
    """A training command into `run`."""
    return [
        sys.executable,
        "-m",
        "foveal",
        "train",
        *words,
        *([] if "--resume" in words else ["--out", str(run)]),
    ]


def main() -> None:
    """About 8 minutes on 2 cores."""
    data = str(unpacked("orl-faces"))
    chance = random.Random(0)
    unreadable, moments = 0, []
    with tempfile.TemporaryDirectory() as temporary:
        whole, broken = Path(temporary) / "whole", Path(temporary) / "broken"
        start = time.perf_counter()
        subprocess.run(command(whole, data, *OPTIONS), stderr=subprocess.DEVNULL, check=True)
        seconds = time.perf_counter() - start
        words = [data, *OPTIONS]
        for kill in range(KILLS):
            moment = chance.uniform(3, 13)
            process = subprocess.Popen(command(broken, *words), stderr=subprocess.DEVNULL)
            time.sleep(moment)
            if process.poll() is not None:
                sys.exit(f"the run had ended before kill {kill + 1}: give it more epochs")
            process.kill()
            process.wait()
            moments.append(round(moment, 2))
            for path in broken.glob("*.safetensors"):
                try:
                    load_file(path)
                except SafetensorError:
                    unreadable += 1
            print(f"kill {kill + 1} after {moment:.1f} s", flush=True)
            if (broken / "config.json").is_file():
                words = ["--resume", str(broken)]
        subprocess.run(command(broken, *words), stderr=subprocess.DEVNULL, check=True)
        first, second = load_file(whole / "model.safetensors"), load_file(broken / "model.safetensors")
        same = first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
    print(f"{KILLS} kills, {unreadable} unreadable files, bit-identical: {same}")
    row = {
        "command": f"foveal train orl-faces {' '.join(OPTIONS)}",
        "kills": KILLS,
        "unreadable": unreadable,
        "bit_identical": same,
        "unbroken_seconds": seconds,
        "moments": moments,
    }
    keep("kill-resume", [row])
    if unreadable or not same:
        sys.exit("kill and resume does not end where an unbroken run does")


if __name__ == "__main__":
    main()
