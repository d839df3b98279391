"""torchvision's names against ours, by the table that benchmarks/peers/torchvision_table.py made of torchvision."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from benchmarks.peers.made_weights import made_images, made_state
from torch import Tensor, nn

from foveal.errors import ModelError
from foveal.networks import NETWORKS
from foveal.networks.build import build_network, without_weights
from foveal.weights.torchvision import TABLES, from_torchvision, network_of, to_torchvision

TABLE: dict[str, dict[str, Any]] = {
    {"alexnet": "alexnet_one_tower"}.get(name, name): row
    for name, row in json.loads((Path(__file__).parent / "torchvision.json").read_text())["networks"].items()
}
"""By our name of the network: torchvision's tensors with their shapes, and some logits of made weights in float64."""


def empty(name: str) -> nn.Module:
    with without_weights():
        return build_network(name).eval()


def state_of(name: str) -> dict[str, Tensor]:
    return from_torchvision(name, made_state(TABLE[name]["shapes"], gain=TABLE[name]["gain"]))


def test_the_table_is_of_all_networks_that_have_names() -> None:
    assert set(TABLE) == set(TABLES) <= set(NETWORKS)


@pytest.mark.parametrize("name", TABLES)
def test_the_logits_are_torchvisions(name: str) -> None:
    network = empty(name)
    missing, unexpected = network.load_state_dict(state_of(name), strict=False, assign=True)
    assert {each.rpartition(".")[2] for each in missing} <= {"num_batches_tracked"}
    assert unexpected == []
    with torch.inference_mode():
        logits = network(made_images())["logits"]
    assert logits.shape == (2, 1000)
    expected = torch.tensor(TABLE[name]["logits"])
    torch.testing.assert_close(
        logits[:, : expected.shape[1]], expected, rtol=0, atol=1e-5 * float(expected.abs().max())
    )


def test_a_swapped_tensor_shows() -> None:
    """The made weights tell two convolutions of one shape apart."""
    network, state = empty("resnet18"), state_of("resnet18")
    names = [f"backbone.stage3.1.residual.{conv}.weight" for conv in (0, 3)]
    state[names[0]], state[names[1]] = state[names[1]], state[names[0]]
    network.load_state_dict(state, strict=False, assign=True)
    with torch.inference_mode():
        logits = network(made_images())["logits"]
    assert (logits[:, :8] - torch.tensor(TABLE["resnet18"]["logits"])).abs().max() > 0.01


@pytest.mark.parametrize("name", TABLES)
def test_names_go_there_and_back(name: str) -> None:
    theirs = {key: tuple(shape) for key, shape in TABLE[name]["shapes"].items()}
    ours = {key: tuple(value.shape) for key, value in empty(name).state_dict().items() if value.is_floating_point()}
    assert from_torchvision(name, theirs) == ours
    assert to_torchvision(name, ours) == theirs


@pytest.mark.parametrize("name", TABLES)
def test_a_network_is_known_by_its_names(name: str) -> None:
    names = list(TABLE[name]["shapes"])
    assert network_of(names) == name
    assert network_of([each for each in names if not each.startswith(("fc", "classifier"))]) == name
    assert network_of(names[2:]) is None


def test_other_names_stay() -> None:
    assert from_torchvision("resnet18", {"conv1.weight": 1, "mine.weight": 2, "plain": 3}) == {
        "backbone.stem.0.weight": 1,
        "mine.weight": 2,
        "plain": 3,
    }


def test_a_network_that_torchvision_has_not() -> None:
    with pytest.raises(ModelError, match="torchvision has no lenet5 of this layout; it has resnet18, "):
        from_torchvision("lenet5", {})
