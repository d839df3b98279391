"""Penalties on weights, against NumPy."""

import numpy as np
import pytest
import torch

from foveal.losses.penalties import penalty_terms


def test_they_are_the_sums_of_the_magnitudes_and_of_half_the_squares() -> None:
    torch.manual_seed(0)
    weights = [torch.randn(3, 2, 5, 4, requires_grad=True), torch.randn(7, 3, requires_grad=True)]
    terms = penalty_terms(weights, {"l1": 0.3, "l2": 0.07})
    values = np.concatenate([each.detach().numpy().ravel() for each in weights]).astype(np.float64)
    assert terms["l1"].item() == pytest.approx(0.3 * np.abs(values).sum(), rel=1e-6)
    assert terms["l2"].item() == pytest.approx(0.07 / 2 * np.square(values).sum(), rel=1e-6)
    (terms["l1"] + terms["l2"]).backward()
    for each in weights:
        assert each.grad is not None
        torch.testing.assert_close(each.grad, 0.3 * each.sign() + 0.07 * each)
    assert penalty_terms(weights, {}) == {}
