"""Files of weights: what is read, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tests.made import made_contract
from torch import Tensor

from foveal.bundle import save_bundle
from foveal.contract import SEEN_HASHES, Contract
from foveal.errors import ModelError
from foveal.networks import CUSTOM
from foveal.networks.build import build_network
from foveal.weights.files import read_weights
from foveal.weights.torchvision import IMAGENET_MEAN, to_torchvision


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    """ResNet-18 under torchvision's names."""
    torch.manual_seed(0)
    return to_torchvision("resnet18", build_network("resnet18", 4).state_dict())


def test_a_model_file(tmp_path: Path) -> None:
    network = build_network("lenet5", 3)
    contract = made_contract("lenet5", (32, 32))
    seen = np.array([3, 2**64 - 1], np.uint64)
    save_bundle(tmp_path / "model.safetensors", network, contract, {SEEN_HASHES: seen})
    weights = read_weights(tmp_path / "model.safetensors")
    assert (weights.network, weights.task, weights.classes) == ("lenet5", "classify", ("a", "b", "c"))
    assert (weights.mean, weights.std) == (contract.preprocess.mean, contract.preprocess.std)
    assert torch.equal(weights.tensors["backbone.c1.weight"], network.backbone.c1.weight)
    assert np.array_equal(weights.seen_hashes, seen)
    assert set(weights.tensors) == set(network.state_dict())


@pytest.mark.parametrize("form", ["plain", "state_dict", "model", "parallel", "safetensors", "legacy"])
def test_torchvisions_layout(form: str, state: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / ("net.safetensors" if form == "safetensors" else "net.pth")
    if form == "safetensors":
        save_file(state, path)
    elif form == "legacy":
        torch.save(state, path, _use_new_zipfile_serialization=False)
    elif form == "parallel":
        torch.save({f"module.{name}": value for name, value in state.items()}, path)
    else:
        torch.save(state if form == "plain" else {form: state, "epoch": 3}, path)
    weights = read_weights(path)
    assert (weights.network, weights.classes, weights.mean) == ("resnet18", None, IMAGENET_MEAN)
    assert torch.equal(weights.tensors["backbone.stem.0.weight"], state["conv1.weight"])
    assert torch.equal(weights.tensors["head.fc.bias"], state["fc.bias"])
    assert weights.seen_hashes.shape == (0,)  # nobody knows


class Runs:
    """What a pickle can do: call a function when it is loaded."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return eval, ("__import__('pathlib').Path('ran').touch()",)


def test_a_pickle_that_runs_code_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"conv1.weight": Runs()}, tmp_path / "bad.pth")
    with pytest.raises(ModelError, match=r"bad\.pth: expected a state dict of tensors alone, .* it could run code"):
        read_weights(tmp_path / "bad.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"text\n", b"PK\x03\x04broken", b"\x80\x02}q\x00."])
def test_files_that_are_no_weights(content: bytes, tmp_path: Path) -> None:
    for name in ("bad.pth", "bad.safetensors"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError, match="bad"):
            read_weights(tmp_path / name)


def test_what_else_is_refused(state: dict[str, Tensor], tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ModelError, match="expected a state dict, tensors by name; got a list"):
        read_weights(tmp_path / "list.pth")
    torch.save({"epoch": 3, **state}, tmp_path / "mixed.pth")
    with pytest.raises(ModelError, match="got one whose 'epoch' is a int"):
        read_weights(tmp_path / "mixed.pth")
    torch.save({"conv.weight": torch.ones(2), "b": torch.ones(1)}, tmp_path / "other.pth")
    with pytest.raises(
        ModelError, match=r"its 2 tensors \(conv\.weight, b, …\) are of no network whose names are known"
    ):
        read_weights(tmp_path / "other.pth")
    (tmp_path / "net.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match=r"expected a \.safetensors file, or a \.pth of tensors alone; got \.onnx"):
        read_weights(tmp_path / "net.onnx")
    save_file({"a": torch.ones(1)}, tmp_path / "last.safetensors", metadata={"foveal_checkpoint": "{}"})
    with pytest.raises(ModelError, match=r"a run's checkpoint; its weights to start from are model\.safetensors"):
        read_weights(tmp_path / "last.safetensors")
    save_file({"a": torch.ones(1)}, tmp_path / "model.safetensors", metadata={"foveal": "{}"})
    with pytest.raises(ModelError, match="its header is not that of a Foveal model"):
        read_weights(tmp_path / "model.safetensors")


def test_a_model_of_somebodys_own_module(tmp_path: Path) -> None:
    contract = Contract(**{**vars(made_contract("lenet5", (32, 32))), "architecture": CUSTOM})
    save_bundle(tmp_path / "own.safetensors", torch.nn.Linear(2, 3), contract, {SEEN_HASHES: np.zeros(0, np.uint64)})
    with pytest.raises(ModelError, match="its network is custom; weights are taken of those that foveal models lists"):
        read_weights(tmp_path / "own.safetensors")
