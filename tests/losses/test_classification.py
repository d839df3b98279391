"""The losses against torch's own and against plain loops over items and classes."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from foveal.errors import UsageError
from foveal.losses.classification import (
    LOSSES,
    cross_entropy,
    focal,
    lenet5_map,
    lenet5_mse,
    mean_squared_error,
)
from foveal.losses.names import LOSS_NAMES

WEIGHTS = torch.tensor([0.5, 3.0, 1.0, 0.2], dtype=torch.float64)


def batch(kind: str, *, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Logits (7, 4) and targets, one-hot or soft."""
    generator = torch.Generator().manual_seed(3)
    logits = 3 * torch.randn(7, 4, generator=generator, dtype=torch.float64)
    if kind == "soft":
        targets = torch.randn(7, 4, generator=generator, dtype=torch.float64).softmax(1)
    else:
        targets = F.one_hot(torch.tensor([0, 3, 3, 1, 2, 0, 3]), 4).double()
    return logits.to(dtype), targets


def cross_entropy_loop(logits: Tensor, targets: Tensor, label_smoothing: float, weights: list[float]) -> float:
    total = weight = 0.0
    for row, target in zip(logits.tolist(), targets.tolist(), strict=True):
        log_sum = math.log(sum(math.exp(z) for z in row))
        counts = sum(w * t for t, w in zip(target, weights, strict=True))
        for z, t, w in zip(row, target, weights, strict=True):
            smoothed = (1 - label_smoothing) * w * t + label_smoothing * counts / len(row)
            total += smoothed * (log_sum - z)
        weight += counts
    return total / weight


@pytest.mark.parametrize("kind", ["soft", "hard"])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_cross_entropy_follows_a_plain_loop(kind: str, label_smoothing: float, weights: Tensor | None) -> None:
    logits, targets = batch(kind)
    found = cross_entropy(logits, targets, label_smoothing=label_smoothing, class_weights=weights)
    expected = cross_entropy_loop(logits, targets, label_smoothing, [1.0] * 4 if weights is None else weights.tolist())
    assert found.item() == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(("label_smoothing", "weights"), [(0.0, None), (0.1, None), (0.0, WEIGHTS)])
def test_cross_entropy_of_one_hot_targets_is_torchs_of_labels(label_smoothing: float, weights: Tensor | None) -> None:
    logits, targets = batch("hard")
    expected = F.cross_entropy(logits, targets.argmax(1), weight=weights, label_smoothing=label_smoothing)
    found = cross_entropy(logits, targets, label_smoothing=label_smoothing, class_weights=weights)
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=0)


@pytest.mark.parametrize(("label_smoothing", "weights"), [(0.0, None), (0.1, None), (0.0, WEIGHTS)])
def test_cross_entropy_of_soft_targets_is_torchs_up_to_the_divisor(
    label_smoothing: float, weights: Tensor | None
) -> None:
    logits, targets = batch("soft")
    expected = F.cross_entropy(logits, targets, weight=weights, label_smoothing=label_smoothing)
    if weights is not None:
        expected = expected * len(logits) / (targets * weights).sum()
    found = cross_entropy(logits, targets, label_smoothing=label_smoothing, class_weights=weights)
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=0)


def test_class_weights_weigh_items_and_leave_what_each_is_to_learn() -> None:
    """A common item's loss is least at its own smoothed target, however heavy the other class."""
    common = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    logits = torch.tensor([[math.log(0.95), math.log(0.05)]], dtype=torch.float64, requires_grad=True)
    cross_entropy(logits, common, label_smoothing=0.1, class_weights=torch.tensor([0.5, 50.0])).backward()
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, torch.zeros_like(logits), rtol=0, atol=1e-15)


def test_class_weights_count_by_their_ratio() -> None:
    logits, targets = batch("soft")
    once = cross_entropy(logits, targets, class_weights=WEIGHTS)
    twice = cross_entropy(logits, targets, class_weights=2 * WEIGHTS)
    torch.testing.assert_close(once, twice, rtol=1e-14, atol=0)
    torch.testing.assert_close(
        cross_entropy(logits, targets, class_weights=torch.full((4,), 7.0)), cross_entropy(logits, targets)
    )


@pytest.mark.parametrize("kind", ["soft", "hard"])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_focal_loss_is_equation_5_with_a_softmax(kind: str, weights: Tensor | None) -> None:
    logits, targets = batch(kind)
    alpha, t = np.ones(4) if weights is None else weights.numpy(), targets.numpy()
    p = np.exp(logits.numpy()) / np.exp(logits.numpy()).sum(axis=1, keepdims=True)
    expected = -(alpha * t * (1 - p) ** 2 * np.log(p)).sum() / (alpha * t).sum()
    assert focal(logits, targets, class_weights=weights).item() == pytest.approx(expected, rel=1e-12)


def test_focal_loss_survives_certainty() -> None:
    logits = torch.tensor([[200.0, 0.0], [200.0, 0.0]], requires_grad=True)
    loss = focal(logits, torch.eye(2))
    loss.backward()
    assert loss.item() == pytest.approx(100.0)
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_mean_squared_error_sums_over_classes() -> None:
    logits, targets = batch("soft")
    expected = np.mean([((z - t) ** 2).sum() for z, t in zip(logits.numpy(), targets.numpy(), strict=True)])
    assert mean_squared_error(logits, targets).item() == pytest.approx(expected, rel=1e-13)
    torch.testing.assert_close(mean_squared_error(logits, targets), 4 * F.mse_loss(logits, targets))


def distances_batch() -> tuple[np.ndarray, list[int]]:
    """Squared distances y (5, 3) to the codes, and labels."""
    return np.random.default_rng(0).uniform(0, 4, (5, 3)), [2, 0, 0, 1, 2]


def test_lenet5_mse_is_the_mean_distance_to_the_right_code() -> None:
    y, labels = distances_batch()
    targets = F.one_hot(torch.tensor(labels), 3)
    found = lenet5_mse(-torch.from_numpy(y), targets)
    assert found.item() == pytest.approx(np.mean([row[d] for row, d in zip(y, labels, strict=True)]), rel=1e-13)


@pytest.mark.parametrize("rejection", [0.1, 2.5])
def test_lenet5_map_follows_equation_9(rejection: float) -> None:
    y, labels = distances_batch()
    expected = np.mean(
        [row[d] + np.log(np.exp(-rejection) + np.exp(-row).sum()) for row, d in zip(y, labels, strict=True)]
    )
    targets = F.one_hot(torch.tensor(labels), 3)
    found = lenet5_map(-torch.from_numpy(y), targets, rejection=rejection)
    assert found.item() == pytest.approx(expected, rel=1e-13)


def test_lenet5_map_is_cross_entropy_with_a_rubbish_class() -> None:
    logits, targets = batch("soft")
    with_rubbish = torch.cat([logits, torch.full((7, 1), -0.1, dtype=torch.float64)], dim=1)
    expected = cross_entropy(with_rubbish, F.pad(targets, (0, 1)))
    torch.testing.assert_close(lenet5_map(logits, targets), expected, rtol=1e-13, atol=0)


def test_lenet5_map_survives_distances_whose_exponential_is_zero() -> None:
    logits, targets = torch.full((2, 3), -1000.0, requires_grad=True), torch.eye(3)[:2]
    loss = lenet5_map(logits, targets)
    loss.backward()
    assert loss.item() == pytest.approx(999.9)
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("name", LOSS_NAMES)
@pytest.mark.parametrize("kind", ["soft", "hard"])
def test_gradients(name: str, kind: str) -> None:
    logits, targets = batch(kind)
    assert torch.autograd.gradcheck(LOSSES[name], (logits.requires_grad_(), targets))


def test_gradients_with_smoothing_and_weights() -> None:
    logits, targets = batch("soft")
    assert torch.autograd.gradcheck(
        lambda z: cross_entropy(z, targets, label_smoothing=0.2, class_weights=WEIGHTS),
        (logits.requires_grad_(),),
    )


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_bfloat16_logits_are_computed_in_float32(name: str) -> None:
    logits, targets = batch("soft", dtype=torch.bfloat16)
    found = LOSSES[name](logits, targets)
    assert found.dtype == torch.float32
    assert found.shape == ()
    torch.testing.assert_close(found, LOSSES[name](logits.float(), targets.float()), rtol=0, atol=0)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_an_item_alone_gives_what_it_gives_in_a_batch(name: str) -> None:
    logits, targets = batch("soft")
    alone = torch.stack([LOSSES[name](logits[i : i + 1], targets[i : i + 1]) for i in range(len(logits))])
    torch.testing.assert_close(LOSSES[name](logits, targets), alone.mean(), rtol=1e-13, atol=0)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_labels_in_place_of_probabilities_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"one-hot rows for labels\); got logits \(7, 4\) and targets \(7,\)"):
        LOSSES[name](torch.zeros(7, 4), torch.zeros(7))


def test_wrong_options_are_refused() -> None:
    logits, targets = batch("soft")
    with pytest.raises(UsageError, match=r"class_weights must have shape \(4,\).*got \(3,\)"):
        cross_entropy(logits, targets, class_weights=torch.ones(3))
    with pytest.raises(UsageError, match="rejection must be positive, got 0"):
        lenet5_map(logits, targets, rejection=0)


def test_the_names_are_the_index_and_need_no_torch() -> None:
    assert tuple(LOSSES) == LOSS_NAMES
    code = "import sys; from foveal.losses.names import LOSS_NAMES; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
