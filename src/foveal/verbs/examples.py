"""Which images the report shows of all that were evaluated, and their pixels."""

from collections.abc import Callable, Sequence

import numpy as np

from foveal.images import decode
from foveal.reporting.places import Example, Examples
from foveal.types import Sample

_EACH = 4  # images of a kind


def examples_of(ordered: Sequence[int], example: Callable[[int], Example], *, seed: int = 0) -> Examples:
    """Those at both ends of images that go from the worst to the best, and as many at random of the others."""
    worst, others = ordered[:_EACH], ordered[_EACH:]
    middle = max(0, len(others) - _EACH)
    drawn = np.random.default_rng(seed).permutation(middle)[:_EACH].tolist()
    return Examples(
        worst=[example(index) for index in worst],
        best=[example(index) for index in others[middle:][::-1]],
        random=[example(others[position]) for position in drawn],
    )


def whole_image(sample: Sample) -> np.ndarray:
    """The image as it is shown, of its own size: uint8 (H, W, 1 or 3), of other channels the first."""
    image = decode(sample.image.read(), name=sample.image.name)
    return image if image.shape[2] in (1, 3) else image[:, :, :1]
