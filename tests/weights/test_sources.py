"""Where weights are found: files, run folders, addresses, ImageNet's."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tests.weights.stand_in import StandIn, stand_in

from foveal.errors import ModelError
from foveal.files import cache_folder
from foveal.networks import NETWORKS
from foveal.networks.build import build_network
from foveal.weights import published
from foveal.weights.sources import Opened, open_weights
from foveal.weights.torchvision import TABLES, to_torchvision


@pytest.fixture(scope="module")
def pth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "net.pth"
    torch.manual_seed(0)
    torch.save(to_torchvision("resnet18", build_network("resnet18", 5).state_dict()), path)
    return path


@pytest.fixture(scope="module")
def digits(pth: Path) -> str:
    return hashlib.sha256(pth.read_bytes()).hexdigest()


@pytest.fixture
def server(pth: Path, digits: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A stand-in for torchvision's server, with ResNet-18's weights."""
    with stand_in() as told:
        monkeypatch.setattr(published, "BASE", f"{told.address}/models/")
        monkeypatch.setitem(published.FILES, "resnet18", f"resnet18-{digits[:8]}.pth")
        told.files[f"/models/resnet18-{digits[:8]}.pth"] = told.files["/net.pth"] = pth.read_bytes()
        yield told


def opened(given: object, *, sha256: str | None = None, network: str | None = None) -> Opened:
    return open_weights(str(given), sha256=sha256, network=network, say=lambda _: None)


def test_a_file_and_its_hash(pth: Path, digits: str) -> None:
    found = opened(pth)
    assert (found.source, found.sha256, found.licence) == ("net.pth", digits, "")
    assert opened(pth, sha256=digits.upper()).sha256 == digits
    with pytest.raises(ModelError, match=f"net.pth: its SHA-256 is {digits}, but {'0' * 64} was expected"):
        opened(pth, sha256="0" * 64)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"x\.pth: no such file of weights"):
        opened(tmp_path / "x.pth")
    with pytest.raises(ModelError, match=r"model\.safetensors: no such file of weights"):
        opened(tmp_path)


def test_an_address(server: StandIn, digits: str) -> None:
    found = opened(f"{server.address}/net.pth", sha256=digits)
    assert (found.source, found.weights.network) == (f"{server.address}/net.pth", "resnet18")


@pytest.mark.parametrize("network", [None, "resnet18"])
def test_imagenets(network: str | None, server: StandIn, digits: str) -> None:
    found = opened("imagenet", network=network)
    assert found.weights.network == "resnet18"
    assert found.source == f"imagenet, resnet18-{digits[:8]}.pth"
    assert "non-commercial research" in found.licence


def test_imagenets_by_a_wrong_hash(server: StandIn, digits: str) -> None:
    server.files[f"/models/resnet18-{digits[:8]}.pth"] = b"damaged"
    for path in (cache_folder() / "weights").glob("*.pth"):
        path.unlink()
    with pytest.raises(ModelError, match=f"but {digits[:8]} was expected"):
        opened("imagenet")


@pytest.mark.parametrize("network", sorted(set(NETWORKS) - set(published.FILES)))
def test_networks_without_published_weights(network: str) -> None:
    with pytest.raises(ModelError, match=f"no ImageNet weights for {network}, .*; there are for resnet18, resnet34, "):
        opened("imagenet", network=network)


def test_a_network_that_does_not_exist() -> None:
    with pytest.raises(ModelError, match="no network is named 'resnet81'; did you mean"):
        opened("imagenet", network="resnet81")


def test_the_published_are_those_with_a_table_of_names() -> None:
    assert set(published.FILES) == set(TABLES)
    for network in published.FILES:
        address, digits = published.published(network)
        assert re.fullmatch("[0-9a-f]{8}", digits)
        assert address.startswith("https://download.pytorch.org/models/")
