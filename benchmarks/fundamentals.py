"""The experiments of examples/fundamentals on real data: their charts and pictures for docs/, their figures here.

Two at a time, each with one thread: networks so small gain nothing by a second one. What trains for a given time,
measures seconds, or takes long has the machine to itself.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.common import keep, unpacked
from foveal.processes.launch import cores

ROOT = Path(__file__).parents[1]
SCRIPTS = {
    "convolution": ("caltech22",),
    "handcrafted": ("mnist", "caltech22"),
    "depth": ("cifar10-jpeg",),
    "architectures": ("cifar10-jpeg",),
    "optimisers": ("cifar10-jpeg",),
    "activations": ("mnist",),
    "losses": ("mnist",),
    "batch_norm": ("mnist",),
    "pooling": ("mnist",),
    "sparsity": ("mnist",),
    "regularisation": ("mnist",),
}
"""And the data sets of each."""
ALONE = ("convolution", "architectures", "optimisers")


def main(chosen: Sequence[str] = ()) -> None:
    """Over an hour for all; `python -m benchmarks.fundamentals pooling losses` runs two of them."""
    names = list(chosen or SCRIPTS)
    data = {name: [unpacked(each) for each in SCRIPTS[name]] for name in names}
    for name in names:
        if name in ALONE:
            measure(name, data[name], threads=cores())
    with ThreadPoolExecutor(cores()) as pool:
        others = [name for name in names if name not in ALONE]
        list(pool.map(lambda name: measure(name, data[name], threads=1), others))


def measure(name: str, data: Sequence[Path], *, threads: int) -> None:
    """Prints a script's table on each data set and keeps all; the pages show the drawings, a second one by its data."""
    rows: list[dict[str, Any]] = []
    for number, folder in enumerate(data):
        with tempfile.TemporaryDirectory() as temporary:
            out = Path(temporary)
            script = ROOT / "examples" / "fundamentals" / f"{name}.py"
            command = [sys.executable, str(script), str(folder), "--out", str(out)]
            environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
            (figures,) = out.glob("*.json")
            table = figures.with_suffix(".md").read_text(encoding="utf-8")
            shown = f"python examples/fundamentals/{name}.py {folder.name}"
            rows.append({"command": shown, "table": table, "figures": json.loads(figures.read_text(encoding="utf-8"))})
            for drawing in [*out.glob("*.svg"), *out.glob("*.jpg")]:
                more = f"-{folder.name}" if number else ""
                place = ROOT / "docs" / "images" / f"fundamentals-{drawing.stem}{more}{drawing.suffix}"
                place.write_bytes(drawing.read_bytes())
        keep(f"fundamentals-{figures.stem}", rows)
        print(f"{shown}\n{table}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
