"""Losses of a classifier: pure functions of logits and class probabilities, scalar means over the batch.

B batch, K classes. `logits: (B, K)` in any float dtype; `targets: (B, K)` are class probabilities, because
label smoothing, MixUp and CutMix are forms of target; a hard label is a one-hot row. All is computed in
float32 (in float64 where the logits are float64), so that bfloat16 logits lose nothing in the logarithms.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from foveal.errors import UsageError
from foveal.losses.focal import focal_terms


def cross_entropy(
    logits: Tensor,
    targets: Tensor,
    *,
    label_smoothing: float = 0.0,
    class_weights: Tensor | None = None,
) -> Tensor:
    """Σ_b v_b·(-Σ_k s_bk·log softmax(logits)_bk) / Σ_b v_b: the mean over the batch, each item counting v.

    `label_smoothing` is ε in [0, 1] (Szegedy et al. 2015, arXiv:1512.00567, section 7): an item's target s has 1 - ε
    of what it counts by its own classes, ε evenly. `class_weights: (K,)` are positive: an item counts
    v = Σ_k w_k·targets_k, and s = (1 - ε)·w·targets/v + ε/K. Weights twice as large give the same loss.

    Differs: `torch.nn.functional.cross_entropy` multiplies the smoothed targets by the weights, so that ε's share of a
    rare class grows with its weight, until common items' likeliest answer is the rare class (from weights of 19:1 on
    for two classes and ε = 0.1). And with weights it divides by B for probabilities; here one-hot targets give what
    labels give.
    """
    logits, targets = _checked(logits, targets)
    weighted = _weighted(targets, class_weights)
    counts = weighted.sum(dim=1, keepdim=True)
    smoothed = torch.lerp(weighted, (counts / logits.shape[1]).expand_as(weighted), label_smoothing)
    return -(smoothed * F.log_softmax(logits, dim=1)).sum() / counts.sum()


def focal(logits: Tensor, targets: Tensor, *, class_weights: Tensor | None = None) -> Tensor:
    """-Σ_k w_k·targets_k·(1 - p_k)²·log p_k with p = softmax(logits), averaged over the batch as `cross_entropy` is.

    Lin et al. 2017, arXiv:1708.02002, equation 5; the weights are its α. Differs: a softmax for the sigmoids; and for
    soft targets, the mean of the classes' terms under them.
    """
    logits, targets = _checked(logits, targets)
    weighted = _weighted(targets, class_weights)
    return (weighted * focal_terms(F.log_softmax(logits, dim=1))).sum() / weighted.sum()


def mean_squared_error(logits: Tensor, targets: Tensor) -> Tensor:
    """Σ_k (logits_k - targets_k)², averaged over the batch, against the raw outputs without a softmax.

    The sum over classes is the squared distance to the one-hot corner, so the gradient of one item doesn't
    shrink as classes are added. Differs: `torch.nn.functional.mse_loss` also divides by K.
    """
    logits, targets = _checked(logits, targets)
    return (logits - targets).square().sum(dim=1).mean()


def lenet5_mse(logits: Tensor, targets: Tensor) -> Tensor:
    """y_D, the squared distance to the right class's code, averaged over the batch; logits = -y.

    LeCun et al. 1998, "Gradient-based learning applied to document recognition", equation 8. Differs: for
    soft targets, the mean of y under them.
    """
    logits, targets = _checked(logits, targets)
    return -(targets * logits).sum(dim=1).mean()


def lenet5_map(logits: Tensor, targets: Tensor, *, rejection: float = 0.1) -> Tensor:
    """y_D + log(e^-j + Σ_k e^-y_k), averaged over the batch; logits = -y, j = `rejection` > 0.

    LeCun et al. 1998, equation 9: cross-entropy with one more class, "rubbish", whose logit is the constant
    -j. A wrong class much farther away than j is not pushed any farther. The paper gives no value of j; 0.1
    is the usual one in public implementations. Differs: for soft targets, y_D is the mean of y under them.
    """
    if not rejection > 0:
        raise UsageError(f"rejection must be positive, got {rejection}")
    logits, targets = _checked(logits, targets)
    rubbish = logits.new_full((logits.shape[0], 1), -rejection)
    distances = -(targets * logits).sum(dim=1)
    return (distances + torch.cat([logits, rubbish], dim=1).logsumexp(dim=1)).mean()


LOSSES: dict[str, Callable[..., Tensor]] = {
    "cross_entropy": cross_entropy,
    "focal": focal,
    "mean_squared_error": mean_squared_error,
    "lenet5_mse": lenet5_mse,
    "lenet5_map": lenet5_map,
}


def _weighted(targets: Tensor, class_weights: Tensor | None) -> Tensor:
    """The targets (B, K), each class's by its weight where there are some."""
    if class_weights is None:
        return targets
    if class_weights.shape != targets.shape[1:]:
        raise UsageError(
            f"class_weights must have shape ({targets.shape[1]},), one for each class; got {tuple(class_weights.shape)}"
        )
    return targets * class_weights.to(targets)


def _checked(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Both in the dtype the loss is computed in; a UsageError where the shapes aren't the same (B, K)."""
    if logits.ndim != 2 or targets.shape != logits.shape:
        raise UsageError(
            "expected logits (B, K) and targets of the same shape, class probabilities "
            "(one-hot rows for labels); "
            f"got logits {tuple(logits.shape)} and targets {tuple(targets.shape)}"
        )
    dtype = torch.promote_types(logits.dtype, torch.float32)
    return logits.to(dtype), targets.to(dtype)
