"""From a name to what is known of a network."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.made import shapes

import foveal
from foveal.errors import ModelError
from foveal.networks import CUSTOM, NETWORKS, NetworkSpec, lookup, needs_of, network_spec
from foveal.networks.backbone import Backbone
from foveal.networks.build import build_network
from foveal.networks.resnet_cifar import ResNetCIFAR


def of_depth(depth: str, in_channels: int) -> Backbone:
    """A made-up family's builder."""
    return ResNetCIFAR(in_channels, int(depth))


def family(name: str) -> NetworkSpec | None:
    """Networks called "made:1", "made:2" and so on."""
    prefix, _, depth = name.partition(":")
    if prefix != "made":
        return None
    if not depth.isdigit():
        raise ModelError(f"{name}: expected made:DEPTH")
    spec = NETWORKS["resnet20_cifar"]
    needs = replace(spec.needs, min_size=20, one_size=True, input_statistics=(0.25, 0.5))
    return replace(spec, name=name, builder=f"{__name__}:of_depth", builder_arguments=(depth,), needs=needs)


@pytest.fixture
def _with_family(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "SOURCES", (*lookup.SOURCES, family))


def test_every_entry_of_the_index_is_found() -> None:
    assert all(network_spec(name) is spec for name, spec in NETWORKS.items())


def test_names_and_needs_are_known_without_torch() -> None:
    code = (
        "import sys\n"
        "from foveal.networks import needs_of\n"
        "assert needs_of('lenet5').classes_only\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_module_of_ones_own_is_no_name_but_has_needs() -> None:
    assert needs_of(CUSTOM).rates == "unknown"
    with pytest.raises(ModelError, match="no network is named 'custom'"):
        network_spec(CUSTOM)


def test_black_and_white_come_to_lie_as_in_lenet5s_paper() -> None:
    mean, std = needs_of("lenet5").input_statistics or (0.0, 0.0)
    assert [(pixel - mean) / std for pixel in (0.0, 1.0)] == pytest.approx([-0.1, 1.175])
    assert [name for name, spec in NETWORKS.items() if spec.needs.input_statistics is not None] == ["lenet5"]


@pytest.mark.usefixtures("_with_family")
def test_a_family_of_names_is_one_more_source() -> None:
    assert network_spec("made:2").builder_arguments == ("2",)
    assert len(build_network("made:2", 3, 1).backbone.stage1) == 2
    assert network_spec("resnet18") is NETWORKS["resnet18"]
    with pytest.raises(ModelError, match="made:deep: expected made:DEPTH"):
        network_spec("made:deep")
    with pytest.raises(ModelError, match="no network is named 'other:2'"):
        network_spec("other:2")


@pytest.mark.usefixtures("_with_family")
def test_a_family_trains_predicts_and_gives_its_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what it needs, and to a folder whose name any system takes."""
    monkeypatch.chdir(tmp_path)
    data = shapes(30)
    run = Path(foveal.train(data, model="made:1", epochs=1)["run"])
    assert ":" not in run.name
    model = foveal.load(run)
    assert model.contract.architecture == "made:1"
    assert (model.contract.preprocess.mean, model.contract.preprocess.std) == ((0.25,), (0.5,))
    with pytest.raises(ModelError, match="--size 19: made:1 needs at least 20 px"):
        foveal.train(data, model="made:1", size=19)
    foveal.train(data, weights=run, epochs=1, out=tmp_path / "again")
    again = foveal.load(tmp_path / "again")
    assert again.contract.origin["network"] == "made:1"
    assert not torch.equal(again.network.head.fc.weight, model.network.head.fc.weight)
