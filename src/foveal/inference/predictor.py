"""A model file in use: images in, predictions out, in batches, decoding overlapped with computing."""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from foveal.bundle import Contract, load_bundle
from foveal.device import keep_freed_memory, place
from foveal.errors import ImageError
from foveal.evaluation.forward import BATCH_SIZE, forward_views, plain_view, test_time_views
from foveal.preprocess import ImageSource, as_batch

_AHEAD = 3  # batches that decode while one computes


class Model:
    """A trained network, ready to use: `model(image)`; `foveal.load` makes it."""

    def __init__(self, contract: Contract, network: nn.Module, *, device: torch.device) -> None:
        keep_freed_memory()
        self.contract = contract
        self.task = contract.make_task()
        self.device = device
        self.network = place(network, device).eval()

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in the order of the outputs."""
        return self.contract.classes

    def __call__(self, image: ImageSource, *, tta: bool = False) -> dict[str, Any]:
        """One image's prediction: {"label", "score", "scores": {class: probability}}.

        image: a path, the bytes of a file, pixels (H, W[, C]) or a Pillow image. `tta` averages over shifted (and,
        where training mirrored, mirrored) views. Raises ImageError.
        """
        name = None if isinstance(image, str | Path) else "image"
        return self._predict([self.contract.preprocess.load(image, name=name)], tta=tta)[0]

    def predict(self, images: Iterable[ImageSource], *, tta: bool = False) -> Iterator[dict[str, Any] | ImageError]:
        """A prediction for each image, in order, as they come; an ImageError in the place of one that can't be read."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            waiting: list[list[Future[np.ndarray | ImageError]]] = []
            numbered = enumerate(images)
            while True:
                while len(waiting) < _AHEAD:
                    batch = list(islice(numbered, BATCH_SIZE))
                    if not batch:
                        break
                    waiting.append([pool.submit(self._load, image, index) for index, image in batch])
                if not waiting:
                    return
                loaded = [future.result() for future in waiting.pop(0)]
                good = [item for item in loaded if not isinstance(item, ImageError)]
                predictions = iter(self._predict(good, tta=tta) if good else [])
                for item in loaded:
                    yield item if isinstance(item, ImageError) else next(predictions)

    def _load(self, image: ImageSource, index: int) -> np.ndarray | ImageError:
        name = str(image) if isinstance(image, str | Path) else f"images[{index}]"
        try:
            return self.contract.preprocess.load(image, name=name)
        except ImageError as error:
            return error

    def _predict(self, images: Sequence[np.ndarray], *, tta: bool) -> list[dict[str, Any]]:
        preprocess = self.contract.preprocess
        views = test_time_views(preprocess.size_hw, mirrored=self.contract.mirrored) if tta else plain_view()
        batch = as_batch(np.stack(images))
        outputs = forward_views(self.task, self.network, preprocess, batch, device=self.device, views=views)
        return self.task.decode(outputs)


def load_model(path: Path, *, module: nn.Module | None, device: torch.device) -> Model:
    """The model in the file at `path`, on `device`. Raises ModelError."""
    bundle = load_bundle(path, module=module)
    return Model(bundle.contract, bundle.network, device=device)
