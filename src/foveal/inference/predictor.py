"""A model file in use: images in, predictions out, in batches, decoding overlapped with computing."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from foveal.answers import answering, decision
from foveal.answers.answer import Answer
from foveal.contract import Contract
from foveal.errors import ImageError, UsageError
from foveal.images.fit import ImageSource
from foveal.inference.engines.choose import choose_engine
from foveal.inference.engines.engine import Engine, Source
from foveal.inference.tiles import TiledModel, Tiling
from foveal.inference.views import Run, View, plain_view, run_views, test_time_views
from foveal.ops.tiles import OVERLAP
from foveal.preprocess import Placement
from foveal.types import EngineName, Precision

if TYPE_CHECKING:
    import torch
    from torch import nn

_AHEAD = 3  # batches that decode while others compute
Loaded = tuple[np.ndarray, Placement]
"""Pixels (H, W, C) uint8 as the network reads them, and where the image lies in them."""


class Model:
    """A trained network, ready to use: `model(image)`; `foveal.load` makes it."""

    def __init__(self, contract: Contract, engine: Engine, *, network: "nn.Module | None" = None) -> None:
        self.contract = contract
        self.answering = answering(contract.task, contract.classes, contract.task_settings)
        self.decision = decision(contract.task, contract.decision)
        """What is decided on top of the scores, such as thresholds; another record of its type may replace it."""
        self.engine = engine
        self.network = network
        """In evaluation mode; None where the engine was made without PyTorch."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in the order of the outputs."""
        return self.contract.classes

    def __call__(
        self, image: ImageSource, *, tta: bool = False, tile: int | None = None, overlap: float | None = None
    ) -> Answer:
        """The prediction for one image: of its task `foveal.Classified`, `Labelled`, `Measured`, `Detected` or
        `Segmented`.

        image: a path, the bytes of a file, pixels (H, W[, C]) or a Pillow image. `tta` averages over shifted (and,
        where training mirrored, mirrored) views. `tile` and `overlap` are those of `predict`. Raises ImageError.
        """
        if tile is not None or overlap is not None:
            answer = next(self.predict([image], tta=tta, tile=tile, overlap=overlap))
            if isinstance(answer, ImageError):
                raise answer
            return answer
        name = None if isinstance(image, str | Path) else "image"
        return self._predict(self.engine.run_one, [self.contract.preprocess.load_placed(image, name=name)], tta=tta)[0]

    def predict(
        self, images: Iterable[ImageSource], *, tta: bool = False, tile: int | None = None, overlap: float | None = None
    ) -> Iterator[Answer | ImageError]:
        """An answer for each image, in order, as they come; an ImageError for one that can't be read.

        tile: takes large images apart into tiles whose longer side has so many pixels, and joins what is found in them;
        neighbours share at least `overlap` of a side, 0.2 where it is not given. Raises UsageError where the task can't
        join them, or for an overlap without a tile.
        """
        if tile is None:
            if overlap is not None:
                raise UsageError(f"--overlap {overlap} goes with --tile, the side of the tiles that overlap")
            return self._predict_whole(images, tta=tta)
        tiled = TiledModel(
            answering=self.answering,
            decision=self.decision,
            preprocess=self.contract.preprocess,
            engine=self.engine,
            views=self._views(tta=tta),
            tiling=Tiling(side=tile, overlap=OVERLAP if overlap is None else overlap),
        )
        return tiled.predict(images)

    def _predict_whole(self, images: Iterable[ImageSource], *, tta: bool) -> Iterator[Answer | ImageError]:
        decoding, computing = ThreadPoolExecutor(os.cpu_count()), ThreadPoolExecutor(self.engine.streams)
        waiting: deque[Future[list[Answer | ImageError]]] = deque()
        numbered = enumerate(images)
        try:
            while batch := list(islice(numbered, self.engine.batch_size)):
                loading = [decoding.submit(self._load, image, index) for index, image in batch]
                waiting.append(computing.submit(self._predict_loaded, loading, tta=tta))
                if len(waiting) == self.engine.streams + _AHEAD:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:  # also where the caller wants no more
            computing.shutdown(cancel_futures=True)
            decoding.shutdown(cancel_futures=True)

    def _load(self, image: ImageSource, index: int) -> Loaded | ImageError:
        name = str(image) if isinstance(image, str | Path) else f"images[{index}]"
        try:
            return self.contract.preprocess.load_placed(image, name=name)
        except ImageError as error:
            return error

    def _predict_loaded(
        self, loading: Sequence[Future[Loaded | ImageError]], *, tta: bool
    ) -> list[Answer | ImageError]:
        loaded = [future.result() for future in loading]
        good = [item for item in loaded if not isinstance(item, ImageError)]
        answers = iter(self._predict(self.engine.run, good, tta=tta) if good else [])
        return [item if isinstance(item, ImageError) else next(answers) for item in loaded]

    def _predict(self, run: Run, loaded: Sequence[Loaded], *, tta: bool) -> Sequence[Answer]:
        images = np.stack([pixels for pixels, _ in loaded])
        outputs = run_views(self.answering, run, images, views=self._views(tta=tta))
        return self.answering.decode(outputs, [placement for _, placement in loaded], self.decision)

    def _views(self, *, tta: bool) -> list[View]:
        size_hw = self.contract.preprocess.size_hw
        return test_time_views(size_hw, mirrored=self.contract.mirrored) if tta else plain_view()


def load_model(
    path: Path,
    *,
    module: "nn.Module | None",
    device: "torch.device",
    engine: EngineName,
    precision: Precision,
    images: int | None = None,
    say: Callable[[str], None],
) -> Model:
    """The model in the file at `path`, on `device`. Raises ModelError, and what `choose_engine` raises."""
    from foveal.bundle import load_bundle
    from foveal.device import keep_freed_memory, place

    keep_freed_memory()
    bundle = load_bundle(path, module=module)
    network = place(bundle.network, device).eval()
    source = Source(contract=bundle.contract, network=network, device=device)
    chosen = choose_engine(source, engine=engine, precision=precision, images=images, say=say)
    return Model(bundle.contract, chosen, network=network)
