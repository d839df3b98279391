"""LeNet-5 as published."""

import torch
from torch import nn

from foveal.layers import ScaledTanh, digit_codes, separated_codes
from foveal.networks.build import build_network


def test_each_layer_has_the_papers_count() -> None:
    network = build_network("lenet5")
    layers = {**dict(network.backbone.named_children()), **dict(network.head.named_children())}
    counts = {name: sum(p.numel() for p in layer.parameters()) for name, layer in layers.items()}
    assert {name: count for name, count in counts.items() if count} == {
        "c1": 156,
        "s2": 12,
        "c3": 1516,
        "s4": 32,
        "c5": 48120,
        "f6": 10164,
    }


def test_maps_have_the_papers_sides_and_are_squashed() -> None:
    network = build_network("lenet5")
    maps = network.backbone(torch.randn(2, 1, 32, 32) * 100)
    assert {name: tuple(x.shape[1:]) for name, x in maps.items()} == {
        "c1": (6, 28, 28),
        "s2": (6, 14, 14),
        "c3": (16, 10, 10),
        "s4": (16, 5, 5),
        "c5": (120, 1, 1),
    }
    assert all(x.abs().max() <= 1.7159 for x in maps.values())
    assert sum(isinstance(module, ScaledTanh) for module in network.modules()) == 6


def test_weights_start_within_the_bound_of_their_fan_in() -> None:
    torch.manual_seed(0)
    network = build_network("lenet5")
    bounds = {network.backbone.c1: 25, network.backbone.c5: 400, network.head.f6: 120}
    for layer, fan_in in bounds.items():
        assert 0.9 * 2.4 / fan_in < layer.weight.abs().max() <= 2.4 / fan_in
        assert layer.bias.abs().max() <= 2.4 / fan_in
    for layer in (network.backbone.s2, network.backbone.s4):
        assert layer.coefficient.abs().max() <= 0.6


def test_logits_are_negative_distances_to_the_codes() -> None:
    network = build_network("lenet5")
    images = torch.randn(3, 1, 32, 32)
    f6 = network.head.squash(network.head.f6(network.backbone(images)["c5"].flatten(1)))
    distances = ((f6[:, None] - digit_codes()) ** 2).sum(dim=2)
    torch.testing.assert_close(network(images)["logits"], -distances)


def test_other_class_counts_have_separated_codes() -> None:
    head = build_network("lenet5", 4).head
    assert torch.equal(head.rbf.codes, separated_codes(4))


def test_a_step_down_the_gradient_lowers_the_loss() -> None:
    torch.manual_seed(0)
    network = build_network("lenet5")
    images, labels = torch.randn(8, 1, 32, 32), torch.arange(8)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.003)
    losses = []
    for _ in range(8):
        loss = nn.functional.cross_entropy(network(images)["logits"], labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
