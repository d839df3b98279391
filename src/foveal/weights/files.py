"""Files of trained weights: our model files, and torchvision's layout as `.pth` or `.safetensors`. Never code."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from foveal.contract import SEEN_HASHES, arrays_apart, contract_in
from foveal.errors import ModelError
from foveal.networks import network_spec
from foveal.weights.torchvision import IMAGENET_MEAN, IMAGENET_STD, TABLES, from_torchvision, network_of

_PICKLED = (".pth", ".pt")
_WRAPPED = ("state_dict", "model")  # under which training scripts save the state dict, beside other things


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Trained weights, and what their file says of them."""

    network: str
    """A name that `foveal.networks.network_spec` takes."""
    task: str
    classes: tuple[str, ...] | None
    """In the order of the outputs; None where the file names none."""
    tensors: Mapping[str, Tensor]
    """By our names."""
    mean: tuple[float, ...]
    """A channel's, of the pixels in 0..1 that they were trained on, as `std`."""
    std: tuple[float, ...]
    seen_hashes: np.ndarray
    """(N,) uint64, of every image that they were trained on or chosen by; none where the file doesn't tell."""


def read_weights(path: Path) -> Weights:
    """The weights in a file: a model file of Foveal, or in torchvision's layout, whose pixels count as ImageNet's.

    Raises ModelError for a file that is neither, or whose network is not known.
    """
    if path.suffix in _PICKLED:
        return _of_torchvision(path, _unpickled(path))
    if path.suffix == ".safetensors":
        metadata, tensors = _read_safetensors(path)
        if "foveal_checkpoint" in metadata:
            raise ModelError(f"{path}: a run's checkpoint; its weights to start from are model.safetensors beside it")
        return _of_model(path, metadata, tensors) if "foveal" in metadata else _of_torchvision(path, tensors)
    raise ModelError(
        f"{path}: expected a .safetensors file, or a .pth of tensors alone; got {path.suffix or 'no ending'}"
    )


def _of_model(path: Path, metadata: Mapping[str, str], tensors: dict[str, Tensor]) -> Weights:
    contract = contract_in(metadata, path)
    weights, arrays = arrays_apart(tensors, path)
    network = contract.architecture
    try:
        network_spec(network)
    except ModelError:
        words = f"{path}: its network is {network}; weights are taken of those that foveal models lists"
        raise ModelError(words) from None
    return Weights(
        network=network,
        task=contract.task,
        classes=contract.classes,
        tensors=weights,
        mean=contract.preprocess.mean,
        std=contract.preprocess.std,
        seen_hashes=arrays[SEEN_HASHES].numpy().view(np.uint64),
    )


def _of_torchvision(path: Path, tensors: dict[str, Tensor]) -> Weights:
    tensors = {name.removeprefix("module."): value for name, value in tensors.items()}  # of DataParallel
    network = network_of(tensors)
    if network is None:
        shown = ", ".join(list(tensors)[:3])
        raise ModelError(
            f"{path}: its {len(tensors)} tensors ({shown}, …) are of no network whose names are known: "
            f"torchvision's {', '.join(TABLES)}, and Foveal's own model files"
        )
    return Weights(
        network=network,
        task="classify",
        classes=None,
        tensors=from_torchvision(network, tensors),
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        seen_hashes=np.zeros(0, np.uint64),
    )


def _read_safetensors(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            # Copies: the file is mapped, and Windows replaces no mapped file.
            return file.metadata() or {}, {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: not a readable .safetensors file: {error}") from None


def _unpickled(path: Path) -> dict[str, Tensor]:
    """The state dict of a .pth; torch builds nothing but tensors and plain containers from it."""
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # bytes that are no pickle end wherever they lead: in an IndexError, a RuntimeError …
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise ModelError(
            f"{path}: expected a state dict of tensors alone, as torch.save(network.state_dict(), …) writes it; "
            f"nothing else is unpickled, because it could run code ({reason})"
        ) from None
    wrapped = [name for name in _WRAPPED if isinstance(found, dict) and isinstance(found.get(name), dict)]
    state: Any = found[wrapped[0]] if wrapped else found
    if not isinstance(state, dict) or not state or not all(isinstance(each, Tensor) for each in state.values()):
        raise ModelError(f"{path}: expected a state dict, tensors by name; got {_kind(state)}")
    return {str(name): value for name, value in state.items()}


def _kind(state: Any) -> str:
    if not isinstance(state, dict):
        return f"a {type(state).__name__}"
    other = next((name for name, value in state.items() if not isinstance(value, Tensor)), None)
    return "an empty one" if other is None else f"one whose {other!r} is a {type(state[other]).__name__}"
