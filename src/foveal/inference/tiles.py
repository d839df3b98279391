"""Large images, tile by tile: each tile goes through the network like an image of its own, and the task joins them."""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from foveal.answers.answer import Answer, Answering, Outputs
from foveal.errors import ImageError, UsageError
from foveal.images import decode
from foveal.images.fit import ImageSource
from foveal.inference.engines.engine import Engine
from foveal.inference.views import View, run_views
from foveal.ops.tiles import tile_corners
from foveal.preprocess import Placement, Preprocess

LEAST_SIDE = 32
MOST_OVERLAP = 0.9

Part = tuple[Outputs, Sequence[Placement]]


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """What tiles an image is taken apart into."""

    side: int
    """A tile's longer one, in pixels of the image; its shape is that of the network's input, as it was trained."""
    overlap: float
    """The share of a tile's side that neighbours have in common at least, 0 to `MOST_OVERLAP`."""

    def __post_init__(self) -> None:
        if self.side < LEAST_SIDE:
            raise UsageError(f"--tile {self.side}: expected at least {LEAST_SIDE} pixels")
        if not 0 <= self.overlap <= MOST_OVERLAP:
            raise UsageError(f"--overlap {self.overlap}: expected 0 to {MOST_OVERLAP}")

    def tile_hw(self, size_hw: tuple[int, int]) -> tuple[int, int]:
        """A tile's (height, width), for a network that reads `size_hw`."""
        longer = max(size_hw)
        return max(1, round(self.side * size_hw[0] / longer)), max(1, round(self.side * size_hw[1] / longer))


@dataclass(frozen=True, slots=True)
class _Whole:
    name: str
    pixels: np.ndarray
    """(H, W, C), of the file's full size."""


@dataclass(frozen=True, kw_only=True)
class TiledModel:
    """A network over the tiles of images."""

    answering: Answering
    decision: Any
    preprocess: Preprocess
    engine: Engine
    views: Sequence[View]
    tiling: Tiling

    def __post_init__(self) -> None:
        if self.answering.join is None:
            raise UsageError(
                f"--tile: predictions of tiles can't be joined for the task {self.answering.task}; leave it out"
            )

    def predict(self, images: Iterable[ImageSource]) -> Iterator[Answer | ImageError]:
        """An answer for each image, or an ImageError instead. The next image is decoded meanwhile."""
        decoding, computing = ThreadPoolExecutor(os.cpu_count()), ThreadPoolExecutor(self.engine.streams)
        ahead: deque[Future[_Whole | ImageError]] = deque()
        try:
            for index, image in enumerate(images):
                ahead.append(decoding.submit(self._decoded, image, index))
                if len(ahead) == 2:
                    yield self._joined(ahead.popleft().result(), decoding, computing)
            if ahead:
                yield self._joined(ahead.popleft().result(), decoding, computing)
        finally:  # also where the caller wants no more
            computing.shutdown(cancel_futures=True)
            decoding.shutdown(cancel_futures=True)

    def _decoded(self, image: ImageSource, index: int) -> _Whole | ImageError:
        name = str(image) if isinstance(image, str | Path) else f"images[{index}]"
        try:
            return _Whole(name, decode(image, name=name, depth=self.preprocess.depth))
        except ImageError as error:
            return error

    def _joined(
        self, image: _Whole | ImageError, decoding: ThreadPoolExecutor, computing: ThreadPoolExecutor
    ) -> Answer | ImageError:
        if isinstance(image, ImageError):
            return image
        assert self.answering.join is not None
        height, width = image.pixels.shape[:2]
        try:
            return self.answering.join(self._parts(image, decoding, computing), (height, width), self.decision)
        except ImageError as error:  # its channels are not the network's
            return error

    def _parts(self, image: _Whole, decoding: ThreadPoolExecutor, computing: ThreadPoolExecutor) -> Iterator[Part]:
        """The tiles' outputs in batches; no more of them are held than compute at once, and the next."""
        height, width = image.pixels.shape[:2]
        tile_hw = self.tiling.tile_hw(self.preprocess.size_hw)
        corners = tile_corners((height, width), tile_hw, overlap=self.tiling.overlap)
        waiting: deque[Future[Part]] = deque()
        for start in range(0, len(corners), self.engine.batch_size):
            batch = corners[start : start + self.engine.batch_size]
            loading = [decoding.submit(self._load, image, corner, tile_hw) for corner in batch]
            waiting.append(computing.submit(self._computed, loading))
            if len(waiting) > self.engine.streams:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _load(
        self, image: _Whole, corner_xy: tuple[int, int], tile_hw: tuple[int, int]
    ) -> tuple[np.ndarray, Placement]:
        left, top = corner_xy
        tile = image.pixels[top : top + tile_hw[0], left : left + tile_hw[1]]
        pixels, placement = self.preprocess.load_placed(tile, name=image.name)
        return pixels, replace(placement, corner_xy=corner_xy)

    def _computed(self, loading: Sequence[Future[tuple[np.ndarray, Placement]]]) -> Part:
        pixels, placements = zip(*(future.result() for future in loading), strict=True)
        outputs = run_views(self.answering, self.engine.run, np.stack(pixels), views=self.views)
        return outputs, placements
