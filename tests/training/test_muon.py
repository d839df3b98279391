"""Muon against a plain NumPy loop, and what makes its steps what they are."""

import numpy as np
import torch
from torch import nn

from foveal.training.muon import ITERATIONS, QUINTIC, orthogonalised
from foveal.training.optimisers import MUON_OTHERS, build_optimiser

LR, DECAY, MOMENTUM = 0.02, 0.3, 0.9


def plain_orthogonalised(matrix: np.ndarray) -> np.ndarray:
    """By the singular values themselves."""
    a, b, c = QUINTIC
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    values = values / np.linalg.norm(values)
    for _ in range(ITERATIONS):
        values = a * values + b * values**3 + c * values**5
    return left * values @ right


def test_orthogonalised_is_a_polynomial_of_the_singular_values() -> None:
    generator = torch.Generator().manual_seed(0)
    for shape in ((5, 18), (18, 5), (7, 7)):
        matrix = torch.randn(shape, generator=generator, dtype=torch.float64)
        found = orthogonalised(matrix, dtype=torch.float64).numpy()
        np.testing.assert_allclose(found, plain_orthogonalised(matrix.numpy()), rtol=0, atol=1e-10)


def test_singular_values_come_near_one_also_in_bfloat16() -> None:
    matrix = torch.randn(64, 576, generator=torch.Generator().manual_seed(0))
    for dtype in (torch.float32, torch.bfloat16):
        values = torch.linalg.svdvals(orthogonalised(matrix, dtype=dtype))
        assert 0.65 < values.min() <= values.max() < 1.25


def test_a_zero_gradient_gives_no_step() -> None:
    assert torch.equal(orthogonalised(torch.zeros(3, 4), dtype=torch.float32), torch.zeros(3, 4))


def test_the_formula() -> None:
    rng = np.random.default_rng(1)
    weights, gradients = rng.normal(size=(4, 3, 2, 2)), rng.normal(0.5, 1, size=(25, 4, 3, 2, 2))
    conv = nn.Conv2d(3, 4, 2, bias=False, dtype=torch.float64)
    conv.weight.data = torch.from_numpy(weights.copy())
    optimiser = build_optimiser("muon", conv, lr=LR, weight_decay=DECAY, momentum=MOMENTUM)
    velocity = np.zeros_like(weights)
    for gradient in gradients:
        velocity = MOMENTUM * velocity + gradient
        step = plain_orthogonalised((gradient + MOMENTUM * velocity).reshape(4, 12)).reshape(weights.shape)
        scale = np.linalg.norm(weights) / np.sqrt(4)
        weights = weights - LR * DECAY * weights - LR * scale * step
        conv.weight.grad = torch.from_numpy(gradient.copy())
        optimiser.step()
    np.testing.assert_allclose(conv.weight.detach().numpy(), weights, rtol=0, atol=1e-10)


def test_a_step_is_a_share_of_the_norm_whatever_the_norm() -> None:
    moved = []
    for size in (1.0, 100.0):
        torch.manual_seed(0)
        conv = nn.Conv2d(8, 16, 3, bias=False)
        conv.weight.data.mul_(size)
        before = conv.weight.detach().clone()
        optimiser = build_optimiser("muon", conv, lr=0.1)
        conv.weight.grad = torch.randn_like(conv.weight)
        optimiser.step()
        moved.append(float((conv.weight.detach() - before).norm() / before.norm()))
    assert abs(moved[0] - moved[1]) < 5e-3  # of bfloat16
    assert 0.07 < moved[0] < 0.12


def test_kernels_that_start_at_zero_move() -> None:
    conv = nn.Conv2d(3, 4, 3, bias=False)
    nn.init.zeros_(conv.weight)
    optimiser = build_optimiser("muon", conv, lr=0.1)
    conv.weight.grad = torch.randn_like(conv.weight)
    optimiser.step()
    assert bool(conv.weight.any())


def test_what_is_no_kernel_takes_adamw_at_its_own_rate() -> None:
    rng = np.random.default_rng(2)
    gradients = torch.from_numpy(rng.normal(size=(10, 5, 3)))
    muon, adamw = (nn.Linear(3, 5, bias=False, dtype=torch.float64) for _ in range(2))
    adamw.load_state_dict(muon.state_dict())
    for name, module, lr in (("muon", muon, LR), ("adamw", adamw, LR * MUON_OTHERS)):
        optimiser = build_optimiser(name, module, lr=lr, weight_decay=DECAY)
        for gradient in gradients:
            module.weight.grad = gradient.clone()
            optimiser.step()
    torch.testing.assert_close(muon.weight, adamw.weight, rtol=0, atol=1e-12)
    assert (muon.weight - torch.zeros(5, 3)).abs().max() > 1e-3
