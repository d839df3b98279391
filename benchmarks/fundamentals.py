"""The experiments of examples/fundamentals on real data: their charts and pictures for docs/, their figures here.

Two at a time, each with one thread: networks so small gain nothing by a second one.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.common import keep, unpacked
from foveal.processes.launch import cores

ROOT = Path(__file__).parents[1]
SCRIPTS = {
    "activations": "mnist",
    "losses": "mnist",
    "batch_norm": "mnist",
    "pooling": "mnist",
    "sparsity": "mnist",
    "regularisation": "mnist",
    "handcrafted": "mnist",
    "optimisers": "cifar10-jpeg",
    "depth": "cifar10-jpeg",
}
"""And the data set of each."""


def main(chosen: Sequence[str] = ()) -> None:
    """About 40 minutes for all; `python -m benchmarks.fundamentals pooling losses` runs two of them."""
    names = list(chosen or SCRIPTS)
    data = {name: unpacked(SCRIPTS[name]) for name in names}
    with ThreadPoolExecutor(cores()) as pool:
        for name, table in zip(names, pool.map(lambda name: run(name, data[name]), names), strict=True):
            print(f"{name}\n{table}", flush=True)


def run(name: str, data: Path) -> str:
    """The table. The drawing is put where the pages show it."""
    script = ROOT / "examples" / "fundamentals" / f"{name}.py"
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary)
        command = [sys.executable, str(script), str(data), "--out", str(out)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
        (figures,) = out.glob("*.json")
        shown = f"python examples/fundamentals/{name}.py {data.name}"
        table = figures.with_suffix(".md").read_text(encoding="utf-8")
        row = {"command": shown, "table": table, "figures": json.loads(figures.read_text(encoding="utf-8"))}
        keep(f"fundamentals-{figures.stem}", [row])
        for drawing in [*out.glob("*.svg"), *out.glob("*.jpg")]:
            (ROOT / "docs" / "images" / f"fundamentals-{drawing.name}").write_bytes(drawing.read_bytes())
    return table


if __name__ == "__main__":
    main(sys.argv[1:])
