"""Which images the report shows of all that were evaluated."""

from collections.abc import Callable, Sequence

import numpy as np

from foveal.reporting.places import Example, Examples

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
