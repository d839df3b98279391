"""Optimisers against plain NumPy loops, in float64, far below the effect of every term; groups; layouts."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from foveal.errors import UsageError
from foveal.training.names import OPTIMISER_NAMES
from foveal.training.optimisers import MUON_OTHERS, OPTIMISERS, build_optimiser, parameter_groups

STEPS, LR, DECAY = 25, 0.02, 0.3
TOLERANCE = 1e-12
EFFECT = 1e-4

Update = Callable[[np.ndarray, np.ndarray, dict[str, np.ndarray], int], np.ndarray]


def sgd(w: np.ndarray, g: np.ndarray, state: dict[str, np.ndarray], t: int) -> np.ndarray:
    g = g + DECAY * w
    state["v"] = 0.9 * state.get("v", 0) + g
    return w - LR * state["v"]


def nesterov(w: np.ndarray, g: np.ndarray, state: dict[str, np.ndarray], t: int) -> np.ndarray:
    g = g + DECAY * w
    state["v"] = 0.9 * state.get("v", 0) + g
    return w - LR * (g + 0.9 * state["v"])


def adam(w: np.ndarray, g: np.ndarray, state: dict[str, np.ndarray], t: int, decay: float = DECAY) -> np.ndarray:
    g = g + decay * w
    state["m"] = 0.8 * state.get("m", 0) + 0.2 * g
    state["v"] = 0.99 * state.get("v", 0) + 0.01 * g**2
    return w - LR * (state["m"] / (1 - 0.8**t)) / (np.sqrt(state["v"] / (1 - 0.99**t)) + 1e-8)


def adamw(w: np.ndarray, g: np.ndarray, state: dict[str, np.ndarray], t: int) -> np.ndarray:
    return adam(w - LR * DECAY * w, g, state, t, decay=0.0)


def rmsprop(w: np.ndarray, g: np.ndarray, state: dict[str, np.ndarray], t: int) -> np.ndarray:
    g = g + DECAY * w
    state["s"] = 0.95 * state.get("s", 0) + 0.05 * g**2
    state["v"] = 0.9 * state.get("v", 0) + g / (np.sqrt(state["s"]) + 1e-8)
    return w - LR * state["v"]


def adagrad(w: np.ndarray, g: np.ndarray, state: dict[str, np.ndarray], t: int) -> np.ndarray:
    g = g + DECAY * w
    state["s"] = state.get("s", 0) + g**2
    return w - LR * g / (np.sqrt(state["s"]) + 1e-8)


def radam(w: np.ndarray, g: np.ndarray, state: dict[str, np.ndarray], t: int) -> np.ndarray:
    w = w - LR * DECAY * w
    state["m"] = 0.8 * state.get("m", 0) + 0.2 * g
    state["v"] = 0.99 * state.get("v", 0) + 0.01 * g**2
    longest = 2 / (1 - 0.99) - 1
    length = longest - 2 * t * 0.99**t / (1 - 0.99**t)
    mean = state["m"] / (1 - 0.8**t)
    if length <= 5:
        return w - LR * mean
    rectified = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
    return w - LR * mean * np.sqrt(rectified * (1 - 0.99**t)) / (np.sqrt(state["v"]) + 1e-8)


def lion(w: np.ndarray, g: np.ndarray, state: dict[str, np.ndarray], t: int) -> np.ndarray:
    before = state.get("m", np.zeros_like(g))
    state["m"] = 0.99 * before + 0.01 * g
    return w - LR * (np.sign(0.9 * before + 0.1 * g) + DECAY * w)


CASES: dict[str, tuple[str, Update, dict[str, object], dict[str, dict[str, object]]]] = {
    "sgd": ("sgd", sgd, {}, {"momentum": {"momentum": 0.0}}),
    "nesterov": ("sgd", nesterov, {"nesterov": True}, {"nesterov": {"nesterov": False}}),
    "adam": ("adam", adam, {"betas": (0.8, 0.99)}, {"betas": {"betas": (0.9, 0.99)}}),
    "adamw": ("adamw", adamw, {"betas": (0.8, 0.99)}, {"betas": {"betas": (0.8, 0.999)}}),
    "rmsprop": (
        "rmsprop",
        rmsprop,
        {"alpha": 0.95},
        {"momentum": {"momentum": 0.0}, "alpha": {"alpha": 0.99}},
    ),
    "adagrad": ("adagrad", adagrad, {}, {}),
    "radam": ("radam", radam, {"betas": (0.8, 0.99)}, {"betas": {"betas": (0.9, 0.99)}}),
    "lion": ("lion", lion, {}, {}),
}
"""Optimiser, its formula, the options it stands for, and changes of options that must show."""


def start_and_gradients() -> tuple[np.ndarray, np.ndarray]:
    """Weights (5, 3) and a gradient for each step; the same for every case."""
    rng = np.random.default_rng(1)
    return rng.normal(size=(5, 3)), rng.normal(0.5, 1, size=(STEPS, 5, 3))


def trained(name: str, **options: object) -> np.ndarray:
    start, gradients = start_and_gradients()
    module = nn.Linear(3, 5, bias=False, dtype=torch.float64)
    module.weight.data = torch.from_numpy(start.copy())
    optimiser = build_optimiser(name, module, **{"lr": LR, "weight_decay": DECAY, **options})  # type: ignore[arg-type]
    for gradient in gradients:
        module.weight.grad = torch.from_numpy(gradient.copy())
        optimiser.step()
    return module.weight.detach().numpy()


@pytest.mark.parametrize("case", CASES)
def test_the_formula(case: str) -> None:
    name, update, options, _ = CASES[case]
    w, gradients = start_and_gradients()
    state: dict[str, np.ndarray] = {}
    for t, g in enumerate(gradients, start=1):
        w = update(w, g, state, t)
    np.testing.assert_allclose(trained(name, **options), w, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("case", CASES)
def test_every_term_has_an_effect_far_above_the_tolerance(case: str) -> None:
    name, _, options, changes = CASES[case]
    reference = trained(name, **options)
    for change in ({"weight_decay": 0.0}, {"lr": LR * 1.1}, *changes.values()):
        changed = trained(name, **{**options, **change})
        assert np.abs(changed - reference).max() > EFFECT > 1e6 * TOLERANCE, change


def test_decoupled_decay_is_not_coupled_decay() -> None:
    assert np.abs(trained("adam") - trained("adamw")).max() > EFFECT


class Net(nn.Module):
    """A convolution, two norms (one gain has three dimensions), a loose gain, tied and frozen layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.ln = nn.LayerNorm((4, 5, 5))
        self.scale = nn.Parameter(torch.ones(4))
        self.fc = nn.Linear(100, 2)
        self.frozen = nn.Linear(2, 2).requires_grad_(False)
        self.tied = self.fc

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.ln(self.bn(self.conv(images).relu()))  # a bias straight before a norm has no gradient
        return self.fc((maps * self.scale[:, None, None]).flatten(1))


def test_weight_decay_leaves_biases_and_norms_alone() -> None:
    net = Net()
    decayed, free = parameter_groups(net, weight_decay=0.1)
    assert [id(each) for each in decayed["params"]] == [id(net.conv.weight), id(net.fc.weight)]
    expected = [net.scale, net.conv.bias, net.bn.weight, net.bn.bias, net.ln.weight, net.ln.bias, net.fc.bias]
    assert {id(each) for each in free["params"]} == {id(each) for each in expected}
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.1, 0.0)


def test_decay_all_decays_all() -> None:
    net = Net()
    (group,) = parameter_groups(net, weight_decay=0.1, decay_all=True)
    assert len(group["params"]) == 9
    assert group["weight_decay"] == 0.1


@pytest.mark.parametrize("name", OPTIMISER_NAMES)
def test_the_groups_reach_the_optimiser(name: str) -> None:
    groups = build_optimiser(name, Net(), lr=0.1, weight_decay=0.05).param_groups
    assert {group["weight_decay"] for group in groups} == {0.05, 0.0}
    assert [group["lr"] for group in groups] == [0.1 * group["lr_share"] for group in groups]
    assert {group["lr_share"] for group in groups} == ({1.0, MUON_OTHERS} if name == "muon" else {1.0})


def train_channels_last(name: str, steps: int, *, resume_at: int | None = None) -> torch.Tensor:
    """All weights of a channels-last net after `steps`, where asked resumed from state saved contiguous."""
    torch.manual_seed(0)
    net = Net().to(memory_format=torch.channels_last)
    optimiser = build_optimiser(name, net, lr=0.01, weight_decay=0.01)
    generator = torch.Generator().manual_seed(1)
    for step in range(steps):
        if step == resume_at:
            saved = optimiser.state_dict()
            for state in saved["state"].values():
                state.update(
                    {key: value.contiguous().clone() for key, value in state.items() if torch.is_tensor(value)}
                )
            optimiser = build_optimiser(name, net, lr=0.01, weight_decay=0.01)
            optimiser.load_state_dict(saved)
        images = torch.randn(2, 3, 7, 7, generator=generator).to(memory_format=torch.channels_last)
        optimiser.zero_grad()
        net(images).square().mean().backward()
        optimiser.step()
    return torch.cat([each.detach().flatten() for each in net.parameters()])


@pytest.mark.parametrize("name", OPTIMISER_NAMES)
def test_a_resumed_run_is_the_uninterrupted_run_in_channels_last(name: str) -> None:
    uninterrupted = train_channels_last(name, 6)
    assert torch.equal(train_channels_last(name, 6, resume_at=3), uninterrupted)
    assert (train_channels_last(name, 3) - uninterrupted).abs().max() > EFFECT


@pytest.mark.parametrize("name", OPTIMISER_NAMES)
def test_the_fused_kernel_gives_what_foreach_gives(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = train_channels_last(name, 4)
    monkeypatch.setattr("foveal.training.optimisers._kernel", lambda groups, fused_on: {"foreach": True})
    torch.testing.assert_close(fast, train_channels_last(name, 4), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "adagrad"])
def test_float_parameters_on_a_cpu_take_the_fused_kernel(name: str) -> None:
    assert all(group["fused"] for group in build_optimiser(name, Net(), lr=0.1).param_groups)


def test_what_makes_no_sense_is_refused() -> None:
    net = Net()
    for options, message in [
        ({"lr": 0.0}, "lr must be above 0, got 0"),
        ({"lr": 0.1, "weight_decay": -1.0}, "weight_decay must be 0 or more, got -1"),
        ({"lr": 0.1, "momentum": 1.0}, r"momentum must be in \[0, 1\), got 1"),
        ({"lr": 0.1, "betas": (0.9, 1.0)}, r"betas must be in \[0, 1\), got \(0.9, 1.0\)"),
        ({"lr": 0.1, "eps": 0.0}, "eps must be above 0, got 0"),
        ({"lr": 0.1, "momentum": 0.0, "nesterov": True}, "nesterov needs a momentum above 0"),
    ]:
        with pytest.raises(UsageError, match=message):
            build_optimiser("sgd", net, **options)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="nesterov is a form of sgd's momentum; adamw has none"):
        build_optimiser("adamw", net, lr=0.1, nesterov=True)
    with pytest.raises(UsageError, match="no trainable parameters"):
        build_optimiser("sgd", nn.ReLU(), lr=0.1)


def test_an_unknown_name_offers_close_ones() -> None:
    with pytest.raises(UsageError, match="no optimiser is called 'adamm'; did you mean adam or radam or adamw"):
        build_optimiser("adamm", Net(), lr=0.1)


def test_the_names_are_the_index() -> None:
    assert tuple(OPTIMISERS) == OPTIMISER_NAMES
