"""Losses of numbers: pure functions of outputs and standardised targets (B, T), means over both. In float32."""

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F

HUBER_FROM = 1.0
"""In standard deviations of the training targets: from here on an error counts linearly."""


def huber(outputs: Tensor, targets: Tensor) -> Tensor:
    """e²/2 for errors |e| up to `HUBER_FROM`, linear with the same slope beyond (Huber 1964, "Robust estimation of a
    location parameter"): small errors count as in the squared error, a wrong target pulls no harder than that.
    """
    return F.huber_loss(outputs.float(), targets.float(), delta=HUBER_FROM)


def mse(outputs: Tensor, targets: Tensor) -> Tensor:
    """e²: the network learns to predict the conditional mean, and large errors count most."""
    return F.mse_loss(outputs.float(), targets.float())


def mae(outputs: Tensor, targets: Tensor) -> Tensor:
    """|e|: the network learns to predict the conditional median."""
    return F.l1_loss(outputs.float(), targets.float())


NUMBER_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"huber": huber, "mse": mse, "mae": mae}
