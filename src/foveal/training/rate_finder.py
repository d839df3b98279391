"""A learning rate from a short sweep. Smith 2015, arXiv:1506.01186, section 3.3: the range test.

The rate rises from step to step, by a constant factor, until the loss explodes. Differs: the peak rate is the one at
which the smoothed loss falls most steeply over the rate's logarithm (Smith reads ends of a range off a plot of the
accuracy, by eye).
"""

import math
from collections.abc import Sequence

import numpy as np

from foveal.errors import FovealError

STEPS = 100
LOWEST, HIGHEST = 1e-6, 10.0
EXPLODED = 4.0
"""Times the smallest loss so far, at which a sweep ends: the rest tells nothing."""
WINDOW = 11
"""Steps whose mean is the smoothed loss in their middle."""


def swept_rates() -> list[float]:
    """The rates of a sweep, in their order."""
    return np.geomspace(LOWEST, HIGHEST, STEPS).tolist()


def is_over(losses: Sequence[float]) -> bool:
    """Whether a sweep ends with these losses."""
    return not math.isfinite(losses[-1]) or losses[-1] > EXPLODED * min(losses)


def smoothed(losses: Sequence[float]) -> list[float]:
    """The mean of the losses around each, of fewer near the ends: as many."""
    half, values = WINDOW // 2, np.asarray(losses, np.float64)
    return [float(values[max(0, at - half) : at + half + 1].mean()) for at in range(len(values))]


def suggested_rate(rates: Sequence[float], losses: Sequence[float]) -> float:
    """Of the rates up to that of the smallest smoothed loss, the one where it falls most steeply, to three digits.

    Raises FovealError where it never falls.
    """
    finite = [loss for loss in losses if math.isfinite(loss)]
    if len(finite) >= WINDOW:
        curve = np.array(smoothed(finite))
        slopes = np.gradient(curve, np.log(rates[: len(curve)]))[: int(curve.argmin()) + 1]
        if slopes.min() < 0:
            return float(f"{rates[int(slopes.argmin())]:.3g}")
    raise FovealError(
        f"--find-lr: no learning rate from {LOWEST:g} to {HIGHEST:g} made the loss fall within {len(losses)} steps; "
        "give --lr, or a larger --batch-size"
    )
