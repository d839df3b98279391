"""What every benchmark shares: real data, whole commands, and a result file with all that is needed to repeat it."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from foveal.device import machine
from foveal.files import cache_folder, read_json, write_json

RESULTS = Path(__file__).parent / "results"


def unpacked(name: str) -> Path:
    """The folder of a data archive: FOVEAL_DATA/NAME.tar[.xz], unpacked once into the cache folder."""
    archives = os.environ.get("FOVEAL_DATA")
    if not archives:
        sys.exit("set FOVEAL_DATA to the folder that holds the data archives")
    archive = next(iter(sorted(Path(archives).glob(f"{name}.tar*"))), None)
    if archive is None:
        sys.exit(f"{name}.tar or {name}.tar.xz is not in FOVEAL_DATA")
    folder = cache_folder() / "benchmarks" / archive.name.partition(".tar")[0]
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary, tarfile.open(archive) as opened:
            opened.extractall(temporary, filter="data")
            Path(temporary).rename(folder)
            Path(temporary).mkdir()  # for its own clean-up
    inner = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    return inner[0] if len(inner) == 1 else folder


def with_val_folder(data: Path) -> Path:
    """A copy of `data` (train/ and test/) in the cache folder whose val/ has every tenth training image of each class.

    So that everyone learns from the same images, looks at the same held-out ones, and is tested on the same.
    """
    folder = cache_folder() / "benchmarks" / f"{data.name}-with-val"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            made = Path(temporary) / folder.name
            shutil.copytree(data, made)
            for label in sorted((made / "train").iterdir()):
                (made / "val" / label.name).mkdir(parents=True)
                for image in sorted(label.iterdir())[::10]:
                    image.rename(made / "val" / label.name / image.name)
            made.rename(folder)
    return folder


def foveal(*arguments: object, processes: int = 1) -> dict[str, Any]:
    """Runs `foveal … --json` as a whole process and gives its JSON, with the command under "command".

    Options that start with "--" follow the verb as they are; run folders go to a temporary place. Several processes are
    started by torchrun.
    """
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    words = [str(argument) for argument in arguments]
    with tempfile.TemporaryDirectory() as temporary:
        out = ["--out", str(Path(temporary) / "run")] if words[0] == "train" else []
        started = torchrun if processes > 1 else []
        line = [sys.executable, *started, "-m", "foveal", *words, *out, "--json"]
        done = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True)
    by = f"torchrun --standalone --nproc-per-node {processes} -m " if processes > 1 else ""
    return {"command": f"{by}{command(*words)}", **json.loads(done.stdout)}


def command(*arguments: object) -> str:
    """As it is told: of the data's path its name alone."""
    words = [str(argument) for argument in arguments]
    return " ".join(["foveal", *(Path(word).name if Path(word).is_absolute() else word for word in words)])


def keep(name: str, repetitions: Sequence[dict[str, Any]], **more: Any) -> None:
    """Writes benchmarks/results/NAME.json: when, at which commit, on what, and every repetition."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, text=True, check=True)
    write_json(
        RESULTS / f"{name}.json",
        {
            "date": datetime.now().strftime("%Y-%m-%d"),
            "commit": commit.stdout.strip(),
            "machine": machine(),
            **more,
            "repetitions": list(repetitions),
        },
    )


def kept(name: str) -> list[dict[str, Any]]:
    """The repetitions in results/NAME.json, each with its date and commit; none where there is no such file."""
    file = RESULTS / f"{name}.json"
    if not file.is_file():
        return []
    result = read_json(file)
    return [{"date": result["date"], "commit": result["commit"], **row} for row in result["repetitions"]]


def seeds_of(description: str | None, *, default: int = 3) -> list[int]:
    """The command line of a benchmark whose seeds can be chosen: `--seeds 1 2`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        default=[*range(default)],
        help="which seeds; what is kept of the others stays (default: %(default)s)",
    )
    seeds: list[int] = parser.parse_args().seeds
    return seeds


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation, as a table shows them."""
    deviation = f" ± {stdev(values):.4f}" if len(values) > 1 else ""
    return f"{mean(values):.4f}{deviation} (n = {len(values)})"


def over_seeds(
    name: str, seeds: Sequence[int], *words: object, figures: Sequence[str] = ("accuracy",)
) -> list[dict[str, Any]]:
    """Runs `foveal WORDS --seed …` for each seed, prints its test figures and keeps all in results/NAME.json.

    What is kept there of the same command and other seeds stays and counts: hours can be measured in parts.
    """
    same = f"{command(*words)} --seed "
    rows = [row for row in kept(name) if row["command"].startswith(same) and row["seed"] not in seeds]
    for seed in seeds:
        result = foveal(*words, "--seed", seed)
        values = {figure: result["metrics"][figure]["value"] for figure in figures}
        rows.append(
            {
                "command": result["command"],
                "seed": seed,
                **values,
                "metrics": result["metrics"],
                "seconds": result["seconds"],
                "images_per_second": result["images_per_second"],
            }
        )
        keep(name, rows)
        shown = ", ".join(f"{figure} {value:.4f}" for figure, value in values.items())
        print(f"{name}, seed {seed}: {shown}, {result['seconds']:.0f} s", flush=True)
    for figure in figures:
        print(f"{name}: {figure} {spread([row[figure] for row in rows])}", flush=True)
    return rows
