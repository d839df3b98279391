"""Every layer against plain arithmetic, and through gradcheck in double."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd import gradcheck

from foveal.layers import (
    LENET5_C3_MAPS,
    EuclideanRBF,
    LocalResponseNorm,
    PadShortcut,
    PartialConv2d,
    ScaledTanh,
    Subsampling,
    digit_codes,
    output_codes,
    scaled_tanh,
    separated_codes,
)
from foveal.layers.initialisation import dirac_start, kaiming, lecun_uniform_, whitening_filters

LAYERS = {
    "scaled_tanh": (ScaledTanh, (2, 3, 4, 5)),
    "subsampling": (lambda: Subsampling(3), (2, 3, 4, 7)),
    "partial_conv": (lambda: PartialConv2d(3, [(0, 2), (1,)], kernel_size=3), (2, 3, 4, 5)),
    "rbf": (lambda: EuclideanRBF(separated_codes(3)), (2, 84)),
    "local_response_norm": (lambda: LocalResponseNorm(alpha=0.1), (2, 7, 2, 3)),
    "pad_shortcut": (lambda: PadShortcut(5, stride=2), (2, 3, 5, 4)),
    # What the networks take from torch.nn as it is.
    "conv": (lambda: nn.Conv2d(2, 3, 3, stride=2, padding=1), (2, 2, 5, 4)),
    "conv_grouped": (lambda: nn.Conv2d(4, 6, 3, groups=2), (2, 4, 4, 5)),
    "conv_depthwise": (lambda: nn.Conv2d(3, 3, 3, padding=1, groups=3), (2, 3, 4, 3)),
    "conv_dilated": (lambda: nn.Conv2d(2, 2, 3, dilation=2), (2, 2, 6, 5)),
    "max_pool": (lambda: nn.MaxPool2d(2), (2, 2, 4, 6)),
    "max_pool_overlapping": (lambda: nn.MaxPool2d(3, stride=2), (2, 2, 7, 5)),
    "max_pool_ceil": (lambda: nn.MaxPool2d(3, stride=2, ceil_mode=True), (2, 2, 6, 6)),
    "average_pool": (lambda: nn.AvgPool2d(2), (2, 2, 4, 6)),
    "adaptive_pool": (lambda: nn.AdaptiveAvgPool2d((3, 2)), (2, 2, 7, 5)),
    "global_pool": (lambda: nn.AdaptiveAvgPool2d(1), (2, 3, 4, 5)),
    "batch_norm": (lambda: nn.BatchNorm2d(3), (4, 3, 2, 3)),
    "batch_norm_in_use": (lambda: nn.BatchNorm2d(3).eval(), (2, 3, 2, 3)),
    "dropout": (lambda: nn.Dropout(0.5), (3, 7)),
    "linear": (lambda: nn.Linear(5, 4), (3, 5)),
    "relu": (nn.ReLU, (2, 3, 4)),
    "leaky_relu": (lambda: nn.LeakyReLU(0.1), (2, 3, 4)),
    "sigmoid": (nn.Sigmoid, (2, 3, 4)),
    "gelu": (nn.GELU, (2, 3, 4)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_gradients(name: str) -> None:
    torch.manual_seed(0)
    make, shape = LAYERS[name]
    layer = make().double()
    names, parameters = zip(*layer.named_parameters(), strict=True) if list(layer.parameters()) else ((), ())
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)

    def run(x: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(1)  # dropout draws the same mask each time
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (x,))

    assert gradcheck(run, (x, *parameters))
    assert repr(layer)


@pytest.mark.parametrize("name", LAYERS)
def test_an_item_alone_gives_what_it_gives_in_a_batch(name: str) -> None:
    make, shape = LAYERS[name]
    layer = make().eval()
    x = torch.randn(shape)
    torch.testing.assert_close(layer(x)[1:], layer(x[1:]))


def test_scaled_tanh_maps_ones_to_ones() -> None:
    x = torch.tensor([-1.0, 0.0, 1.0, 1.5], dtype=torch.float64)
    torch.testing.assert_close(scaled_tanh(x)[:3], x[:3], atol=1e-4, rtol=0)
    torch.testing.assert_close(scaled_tanh(x), torch.from_numpy(1.7159 * np.tanh(2 / 3 * x.numpy())))
    many = torch.linspace(-9, 9, 1001)
    exact = torch.from_numpy(1.7159 * np.tanh(2 / 3 * many.double().numpy())).float()
    torch.testing.assert_close(scaled_tanh(many), exact, atol=1e-6, rtol=0)
    half = many.bfloat16()
    torch.testing.assert_close(scaled_tanh(half), scaled_tanh(half.float()).bfloat16(), atol=0, rtol=0)


def test_subsampling_sums_scales_and_shifts() -> None:
    layer = Subsampling(2)
    with torch.no_grad():
        layer.coefficient.copy_(torch.tensor([0.5, -2.0]))
        layer.bias.copy_(torch.tensor([1.0, 3.0]))
    x = torch.arange(2 * 2 * 4.0).reshape(1, 2, 2, 4)
    expected = [[[[0.5 * (0 + 1 + 4 + 5) + 1, 0.5 * (2 + 3 + 6 + 7) + 1]], [[-2 * 42.0 + 3, -2 * 50.0 + 3]]]]
    torch.testing.assert_close(layer(x), torch.tensor(expected))


def test_table_1_connects_as_the_paper_says() -> None:
    assert [len(maps) for maps in LENET5_C3_MAPS] == [3] * 6 + [4] * 9 + [6]
    contiguous = [any({(s + i) % 6 for i in range(len(m))} == set(m) for s in range(6)) for m in LENET5_C3_MAPS]
    assert contiguous == [True] * 12 + [False] * 3 + [True]
    assert len(set(LENET5_C3_MAPS)) == 16


def test_partial_conv_is_a_loop_over_its_connections() -> None:
    layer = PartialConv2d(6, LENET5_C3_MAPS, kernel_size=5)
    assert sum(p.numel() for p in layer.parameters()) == 1516
    x = torch.randn(2, 6, 8, 6)
    kernels = iter(layer.weight)
    expected = [
        sum(nn.functional.conv2d(x[:, c : c + 1], next(kernels)[None, None]) for c in maps) + bias
        for maps, bias in zip(LENET5_C3_MAPS, layer.bias, strict=True)
    ]
    torch.testing.assert_close(layer(x), torch.cat(expected, dim=1), atol=1e-5, rtol=1e-5)


def test_partial_conv_starts_within_the_bounds_of_each_maps_own_fan_in() -> None:
    torch.manual_seed(0)
    layer = PartialConv2d(6, LENET5_C3_MAPS, kernel_size=5)
    first = 0
    for out_map, maps in enumerate(LENET5_C3_MAPS):
        bound = 2.4 / (25 * len(maps))
        kernels = layer.weight[first : first + len(maps)].abs()
        assert 0.9 * bound < kernels.max() <= bound
        assert layer.bias[out_map].abs() <= bound
        first += len(maps)


def test_initialisation() -> None:
    weights = lecun_uniform_(torch.empty(1000), fan_in=24)
    assert 0.099 < weights.abs().max() <= 0.1
    layers = nn.Sequential(nn.Conv2d(50, 40, 3), nn.ReLU(), nn.Linear(450, 40, bias=False)).apply(kaiming)
    assert layers[0].weight.std().item() == pytest.approx((2 / 450) ** 0.5, rel=0.05)
    assert layers[2].weight.std().item() == pytest.approx((2 / 450) ** 0.5, rel=0.05)
    assert not layers[0].bias.any()


def test_digit_codes_are_bitmaps_and_the_default_of_ten_classes() -> None:
    codes = digit_codes()
    assert codes.shape == (10, 84)
    assert set(codes.unique().tolist()) == {-1.0, 1.0}
    assert codes.reshape(10, 12, 7)[1, 9].tolist() == [-1, 1, 1, 1, 1, 1, 1]  # the foot of the 1
    assert (codes.reshape(10, 12, 7)[:, 10:] == -1).all()
    assert torch.equal(output_codes(10), codes)
    assert _smallest_difference(codes) >= 10


@pytest.mark.parametrize(("num_classes", "least"), [(2, 42), (11, 42), (84, 42), (168, 42), (400, 24)])
def test_other_codes_are_fixed_and_far_apart(num_classes: int, least: int) -> None:
    codes = output_codes(num_classes)
    assert codes.shape == (num_classes, 84)
    assert (codes.abs() == 1).all()
    assert _smallest_difference(codes) >= least
    torch.manual_seed(3)
    assert torch.equal(output_codes(num_classes), codes)


def _smallest_difference(codes: torch.Tensor) -> int:
    places = (84 - codes @ codes.T) / 2
    return int((places + 84 * torch.eye(len(codes))).min())


def test_rbf_is_the_squared_distance_and_is_not_trained() -> None:
    layer = EuclideanRBF(digit_codes())
    x = torch.randn(3, 84)
    torch.testing.assert_close(layer(x), torch.cdist(x, layer.codes) ** 2, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(layer(layer.codes).diagonal(), torch.zeros(10))
    assert not list(layer.parameters())
    assert "codes" in layer.state_dict()


def test_local_response_norm_is_the_papers_formula() -> None:
    x = torch.randn(2, 8, 2, 3, dtype=torch.float64) * 50
    expected = torch.empty_like(x)
    for i in range(8):
        near = x[:, max(0, i - 2) : i + 3]
        expected[:, i] = x[:, i] / (2 + 1e-4 * (near**2).sum(dim=1)) ** 0.75
    torch.testing.assert_close(LocalResponseNorm()(x), expected)
    theirs = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)
    torch.testing.assert_close(LocalResponseNorm()(x), theirs(x))


def test_local_response_norm_keeps_a_low_precision_type_and_computes_above_it() -> None:
    x = torch.randn(1, 8, 2, 2) * 5
    low = LocalResponseNorm()(x.bfloat16())
    assert low.dtype == torch.bfloat16
    torch.testing.assert_close(low, LocalResponseNorm()(x.bfloat16().float()).bfloat16())


def test_pad_shortcut_takes_every_second_value_and_appends_zeros() -> None:
    x = torch.randn(2, 3, 5, 4)
    y = PadShortcut(5, stride=2)(x)
    assert y.shape == (2, 5, 3, 2)
    assert torch.equal(y[:, :3], x[:, :, ::2, ::2])
    assert not y[:, 3:].any()


def test_whitened_patches_are_uncorrelated_and_of_variance_one() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(40, 3, 13, 17, generator=generator) - 0.5
    images = images + images.roll(1, dims=3) + images.mean(dim=1, keepdim=True)  # neighbours and colours go together
    filters = whitening_filters(images, 2, eps=0.0)
    assert filters.shape == (24, 3, 2, 2)
    torch.testing.assert_close(filters[12:], -filters[:12])
    answers = torch.nn.functional.conv2d(images, filters[:12]).transpose(0, 1).flatten(1).double()
    torch.testing.assert_close(answers @ answers.T / answers.shape[1], torch.eye(12).double(), rtol=0, atol=1e-4)


def test_whitening_leaves_small_that_which_hardly_varies() -> None:
    flat = torch.ones(4, 1, 6, 6) + 1e-4 * torch.randn(4, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    answers = torch.nn.functional.conv2d(flat, whitening_filters(flat, 2)[:4])
    assert answers[:, :3].abs().max() < 0.1  # the noise
    torch.testing.assert_close(answers[:, 3].abs(), torch.ones(4, 5, 5), rtol=0, atol=0.01)


def test_a_dirac_start_passes_the_first_maps_on() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 5, 3, padding=1, bias=False)
    before = conv.weight[3:].clone()
    images = torch.randn(2, 3, 6, 5)
    answers = dirac_start(conv)(images)
    assert torch.equal(answers[:, :3], images)
    assert torch.equal(conv.weight[3:], before)
