"""Prediction from JPEG files against OpenVINO on ready tensors, the engines side by side, the start of a process, and
what bfloat16 changes in a trained network. What is compared is measured in turns, in one run; medians count."""

import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import foveal
from benchmarks.common import keep, unpacked
from foveal.bundle import load_bundle, save_bundle
from foveal.contract import SEEN_HASHES, Contract
from foveal.exporting.openvino import ov
from foveal.inference.engines import FASTEST_FIRST
from foveal.inference.predictor import Model
from foveal.networks.build import build_network
from foveal.preprocess import Preprocess

PHOTOGRAPHS = 600
CLASSES = 22
SIZE = 224
DIRECT_BATCH = 8

# The least that a prediction takes in a process of its own: torch, the weights, the network, one image.
MINIMAL = f"""
import sys
import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from foveal.networks.build import build_network, without_weights

with without_weights():
    network = build_network("resnet18", {CLASSES})
with safe_open(sys.argv[1], framework="pt") as file:
    weights = {{name: file.get_tensor(name) for name in file.keys() if not name.startswith("foveal.")}}
network.load_state_dict(weights, assign=True)
network = network.eval().to(memory_format=torch.channels_last)
pixels = np.array(Image.open(sys.argv[2]).convert("RGB").resize(({SIZE}, {SIZE})))
with torch.inference_mode():
    print(network(torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255)["logits"].softmax(1).max())
"""


def main() -> None:
    """About 8 minutes on 2 cores."""
    photographs = sorted(unpacked("caltech22").rglob("*.jpg"))[:PHOTOGRAPHS]
    with tempfile.TemporaryDirectory() as temporary, cache_in(Path(temporary) / "cache"):
        models = {name: model_file(Path(temporary), name) for name in ("resnet50", "resnet18")}
        rows = [
            against_openvino(models["resnet50"], photographs),
            *(side_by_side(path, photographs[:32]) for path in models.values()),
            cold_start(models["resnet18"], photographs[0]),
            agreement(Path(temporary)),
        ]
    keep("inference", rows)


@contextmanager
def cache_in(folder: Path) -> Iterator[None]:
    """Nothing prepared earlier is found, and nothing is left."""
    os.environ["FOVEAL_CACHE"], before = str(folder), os.environ.get("FOVEAL_CACHE")
    yield
    if before is None:
        del os.environ["FOVEAL_CACHE"]
    else:
        os.environ["FOVEAL_CACHE"] = before


def model_file(folder: Path, architecture: str) -> Path:
    """A model file with drawn weights: speed does not depend on them."""
    torch.manual_seed(0)
    contract = Contract(
        architecture=architecture,
        task="classify",
        task_settings={},
        classes=tuple(f"class {index}" for index in range(CLASSES)),
        preprocess=Preprocess(
            size_hw=(SIZE, SIZE), channels=3, fit="squash", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
        ),
        chosen="drawn",
        val={},
        mirrored=False,
        data={"counts": {}},
        recipe={},
    )
    path = folder / f"{architecture}.safetensors"
    save_bundle(path, build_network(architecture, CLASSES), contract, {SEEN_HASHES: np.zeros(0, np.uint64)})
    return path


def in_turns(
    functions: Mapping[str, Callable[[], object]], *, rounds: int, warm: bool = True
) -> dict[str, list[float]]:
    """Seconds of each call of each function: all once, then all once more, and so on."""
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for turn in range(-1 if warm else 0, rounds):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            if turn >= 0:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def against_openvino(path: Path, photographs: Sequence[Path]) -> dict[str, Any]:
    """ResNet-50 from JPEG files, decoding included, over OpenVINO's own time for tensors that are ready."""
    model = foveal.load(path, engine="openvino", precision="bfloat16")
    all_directly, one_directly = directly(load_bundle(path).network)
    many = in_turns(
        {"foveal": lambda: list(model.predict(photographs)), "openvino": lambda: all_directly(len(photographs))},
        rounds=5,
        warm=False,
    )
    every = iter(list(photographs) * 2)
    one = in_turns({"foveal": lambda: model(next(every)), "openvino": one_directly}, rounds=150)
    row = {
        "what": "resnet50 at 224, OpenVINO in bfloat16: from JPEG files, and directly on ready tensors",
        "images": len(photographs),
        "images_per_second": {name: [len(photographs) / each for each in seconds] for name, seconds in many.items()},
        "latency_ms": {name: [1e3 * each for each in seconds] for name, seconds in one.items()},
        "throughput_ratio": median(b / a for a, b in zip(many["foveal"], many["openvino"], strict=True)),
        "latency_ratio": median(one["foveal"]) / median(one["openvino"]),
    }
    for name in ("foveal", "openvino"):
        rate, latency = median(row["images_per_second"][name]), median(row["latency_ms"][name])
        print(f"resnet50, {name}: {rate:.1f} images/s, {latency:.1f} ms for one", flush=True)
    print(
        f"ratios: {row['throughput_ratio']:.3f} of the images/s, {row['latency_ratio']:.3f} of the latency", flush=True
    )
    return row


class Logits(nn.Module):
    """The network with its logits alone."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(images)["logits"]
        return logits


def directly(network: nn.Module) -> tuple[Callable[[int], object], Callable[[], object]]:
    """OpenVINO by itself, in bfloat16 on ready float32 tensors: (a number of images in batches, a single one)."""
    core = ov.Core()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch.jit being deprecated
        traced = torch.jit.trace(Logits(network), torch.zeros(2, 3, SIZE, SIZE), check_trace=False)

    def compiled(batch: int, hint: str) -> Any:
        model = ov.convert_model(traced, input=[batch, 3, SIZE, SIZE])
        return core.compile_model(model, "CPU", {"PERFORMANCE_HINT": hint, "INFERENCE_PRECISION_HINT": "bf16"})

    images = np.random.default_rng(0).standard_normal((DIRECT_BATCH, 3, SIZE, SIZE), np.float32)
    queue = ov.AsyncInferQueue(compiled(DIRECT_BATCH, "THROUGHPUT"))
    request = compiled(1, "LATENCY").create_infer_request()

    def many(count: int) -> None:
        for _ in range(count // DIRECT_BATCH):
            queue.start_async([images], share_inputs=True)
        queue.wait_all()

    return many, lambda: request.infer([images[:1]], share_inputs=True)


def side_by_side(path: Path, photographs: Sequence[Path]) -> dict[str, Any]:
    """Images/s of each engine on decoded images, one at a time and 32 at once, and seconds to load it."""
    rows: dict[str, dict[str, Any]] = {}
    calls: dict[str, Callable[[], object]] = {}
    for engine, precision in FASTEST_FIRST:
        name = f"{engine} {precision}"
        seconds, models = [], []
        for _ in range(2):  # the first time it is prepared, the second time found
            start = time.perf_counter()
            models.append(foveal.load(path, engine=engine, precision=precision))
            models[-1].engine.run_one(decoded(models[-1], photographs[:1]))
            seconds.append(time.perf_counter() - start)
        rows[name] = {"prepared_seconds": seconds[0], "found_seconds": seconds[1]}
        calls[f"{name} 1"] = one_by_one(models[-1], photographs[:8])
        calls[f"{name} 32"] = at_once(models[-1], photographs)
    counts = {"1": 8, "32": len(photographs)}
    for key, seconds in in_turns(calls, rounds=5).items():
        name, _, batch = key.rpartition(" ")
        rows[name][f"images_per_second_{batch}"] = counts[batch] / median(seconds)
    for name, row in rows.items():
        print(f"{path.stem}, {name:20}", "  ".join(f"{key} {value:.2f}" for key, value in row.items()), flush=True)
    return {"what": f"{path.stem} at {SIZE}, engines on decoded images", "engines": rows}


def decoded(model: Model, photographs: Sequence[Path]) -> np.ndarray:
    """(B, H, W, C) uint8."""
    return np.stack([model.contract.preprocess.load(path) for path in photographs])


def one_by_one(model: Model, photographs: Sequence[Path]) -> Callable[[], object]:
    """A call that computes these images, each by itself."""
    singles = [each[None] for each in decoded(model, photographs)]
    return lambda: [model.engine.run_one(each) for each in singles]


def at_once(model: Model, photographs: Sequence[Path]) -> Callable[[], object]:
    """A call that computes these images as prediction does, in the engine's batches and streams."""
    images = list(decoded(model, photographs))
    return lambda: list(model.predict(images))


def cold_start(path: Path, photograph: Path) -> dict[str, Any]:
    """Seconds of whole processes: one image predicted, the least that takes, and torch's import alone."""
    commands = {
        "foveal predict": [sys.executable, "-m", "foveal", "predict", str(path), str(photograph)],
        "minimal script": [sys.executable, "-c", MINIMAL, str(path), str(photograph)],
        "import torch": [sys.executable, "-c", "import torch"],
        "foveal --help": [sys.executable, "-m", "foveal", "--help"],
    }
    calls = {
        name: lambda command=command: subprocess.run(command, check=True, capture_output=True)
        for name, command in commands.items()
    }
    seconds = in_turns(calls, rounds=7)
    ratio = median(seconds["foveal predict"]) / median(seconds["minimal script"])
    print(
        "  ".join(f"{name} {median(each):.2f} s" for name, each in seconds.items()), f" ratio {ratio:.2f}", flush=True
    )
    return {"what": "resnet18 at 224, one photograph, whole processes", "seconds": seconds, "ratio": ratio}


def agreement(folder: Path) -> dict[str, Any]:
    """Probabilities of a trained network over the test photographs, against those in float32."""
    data = unpacked("caltech22")
    options: dict[str, Any] = {"model": "resnet18", "size": 128, "epochs": 3}
    result = foveal.train(data, out=folder / "run", **options)
    images = sorted((data / "test").rglob("*.jpg"))
    expected = probabilities(foveal.load(result["run"], engine="eager", precision="float32"), images)
    rows = {}
    for engine, precision in FASTEST_FIRST[:-1]:
        found = probabilities(foveal.load(result["run"], engine=engine, precision=precision), images)
        difference = np.abs(found - expected).max(axis=1)
        rows[f"{engine} {precision}"] = row = {
            "largest_difference": float(difference.max()),
            "mean_largest_difference": float(difference.mean()),
            "same_label": float((found.argmax(axis=1) == expected.argmax(axis=1)).mean()),
        }
        print(f"{engine} {precision}:", "  ".join(f"{key} {value:.2g}" for key, value in row.items()), flush=True)
    accuracy = result["metrics"]["accuracy"]["value"]
    return {"what": "agreement with float32", "options": options, "accuracy": accuracy, "engines": rows}


def probabilities(model: Model, images: Sequence[Path]) -> np.ndarray:
    """(N, K)."""
    return np.array([each.probabilities for each in model.predict(images) if isinstance(each, foveal.Classified)])


if __name__ == "__main__":
    main()
