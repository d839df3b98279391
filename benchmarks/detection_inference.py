"""Images per second of a detector and a segmentation: the network alone, with outputs decoded, and from JPEG files.

The detector is measured as built, whose scores pass no threshold, and trained on blood cells, which find many objects:
what suppression costs depends on them. Measured in turns, in one run; medians count.
"""

import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

import foveal
from benchmarks.common import keep, unpacked
from benchmarks.inference import decoded, in_turns
from foveal.answers.answer import Answer, Outputs
from foveal.bundle import save_bundle, task_of
from foveal.contract import SEEN_HASHES, Contract
from foveal.images import read_header
from foveal.inference.predictor import Model
from foveal.networks.build import build_backbone
from foveal.preprocess import Preprocess

SIZE_HW = (320, 416)
PHOTOGRAPHS = 16
ROUNDS = 5
TRAINING: dict[str, Any] = {"epochs": 8, "size": 320}


def main(trained: Path | None = None) -> None:
    """About 2 minutes on 2 cores, most of them training; less where `trained` is a detector's run folder."""
    photographs = sorted(unpacked("bccd").rglob("*.jpg"))[:PHOTOGRAPHS]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run = trained or foveal.train(unpacked("bccd"), out=folder / "run", **TRAINING)["run"]
        models = {
            "detector, trained": foveal.load(run),
            "detector, as built": foveal.load(model_file(folder, "detect", 3)),
            "segmentation of 11 classes": foveal.load(model_file(folder, "segment", 11)),
        }
        keep("detection-inference", [measured(name, model, photographs) for name, model in models.items()])


def model_file(folder: Path, task: str, num_classes: int) -> Path:
    """A model file with drawn weights."""
    torch.manual_seed(0)
    contract = Contract(
        architecture="resnet18_d",
        task=task,
        task_settings={},
        classes=tuple(f"class {index}" for index in range(num_classes)),
        preprocess=Preprocess(
            size_hw=SIZE_HW, channels=3, fit="squash", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
        ),
        chosen="drawn",
        val={},
        mirrored=False,
        data={"counts": {}},
        recipe={},
    )
    path = folder / f"{task}.safetensors"
    network = task_of(contract).learning.build(build_backbone("resnet18_d", 3))
    save_bundle(path, network, contract, {SEEN_HASHES: np.zeros(0, np.uint64)})
    return path


def measured(name: str, model: Model, photographs: Sequence[Path]) -> dict[str, Any]:
    """Images/s of the three, and the time of decoding the outputs as a share of the network's."""
    images, size = decoded(model, photographs), model.engine.batch_size
    batches = [images[start : start + size] for start in range(0, len(images), size)]
    placement = model.contract.preprocess.placement(read_header(photographs[0]).size_hw)
    with ThreadPoolExecutor(model.engine.streams) as pool:  # as prediction does

        def network() -> list[Outputs]:
            return list(pool.map(model.engine.run, batches))

        def decoding(outputs: Sequence[Outputs]) -> list[Sequence[Answer]]:
            placements = ([placement] * len(batch) for batch in batches)
            return list(pool.map(model.answering.decode, outputs, placements, repeat(model.decision)))

        ready = network()
        found = decoding(ready)
        seconds = in_turns(
            {
                "network": network,
                "decoding of outputs": lambda: decoding(ready),
                "from JPEG files": lambda: list(model.predict(photographs)),
            },
            rounds=ROUNDS,
        )
    medians = {part: median(each) for part, each in seconds.items()}
    both = medians["network"] + medians["decoding of outputs"]
    row = {
        "what": f"{name}, {model.contract.architecture} at {'×'.join(map(str, model.contract.preprocess.size_hw))}",
        "engine": f"{model.engine.name} in {model.engine.precision}",
        "images_per_second": {
            "network": len(photographs) / medians["network"],
            "network and decoding": len(photographs) / both,
            "from JPEG files": len(photographs) / medians["from JPEG files"],
        },
        "decoding_share": medians["decoding of outputs"] / medians["network"],
        "objects_an_image": [
            len(each.labels) for batch in found for each in batch if isinstance(each, foveal.Detected)
        ],
        "seconds": seconds,
    }
    rates = "  ".join(f"{part} {rate:.1f}" for part, rate in row["images_per_second"].items())
    print(f"{row['what']}, {row['engine']}: {rates} images/s; decoding {row['decoding_share']:.1%}", flush=True)
    return row


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
