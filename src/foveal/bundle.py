"""The model file: one `.safetensors` with the weights, and in its header as JSON all that is needed to use them.

Loading it can't run code. The header says the architecture, classes, preprocessing, task and its settings, what was
measured, the recipe, the data's fingerprint and the versions.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

import foveal
from foveal.errors import ModelError
from foveal.files import atomic_path
from foveal.networks import CUSTOM
from foveal.networks.build import Network, build_backbone, without_weights
from foveal.preprocess import Preprocess
from foveal.tasks import make_task
from foveal.tasks.task import Task
from foveal.types import TaskName

FORMAT = 1
_HASHES = "foveal.seen_hashes"


@dataclass(frozen=True, kw_only=True)
class Contract:
    """Everything in the header. Plain values but for `preprocess`."""

    architecture: str
    """A name that `foveal.networks.network_spec` takes, or `CUSTOM`."""
    task: TaskName
    task_settings: dict[str, Any]
    classes: tuple[str, ...]
    preprocess: Preprocess
    chosen: str
    """Which weights these are, in words."""
    val: dict[str, float]
    """The held-out figures they were chosen by."""
    mirrored: bool
    """Whether training mirrored its images: only then may prediction do so."""
    data: dict[str, Any]
    """Name, format, counts, fingerprint, and under "split" what `foveal.read.assign_roles` made splits by."""
    recipe: dict[str, Any]
    """The run's resolved settings."""
    origin: dict[str, Any] = field(default_factory=dict)
    """The trained weights that the run started from: which, and what was taken of them. Empty where it started afresh.
    """
    machine: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=lambda: {"foveal": foveal.__version__, "torch": torch.__version__})

    def make_task(self) -> Task:
        """The task these weights were trained for."""
        return make_task(self.task, self.classes, self.task_settings)


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A model file in memory."""

    contract: Contract
    network: nn.Module
    """In evaluation mode, on the CPU, in float32, channels-last."""
    seen_hashes: np.ndarray
    """(N,) uint64: `foveal.feed.decoding.content_hash` of every image that training, also that of weights it
    started from, learned from or chose the weights by, to find leaks into a test set."""


def save_bundle(path: Path, network: nn.Module, contract: Contract, seen_hashes: np.ndarray) -> None:
    """Writes the model file, atomically."""
    header = {**vars(contract), "preprocess": contract.preprocess.to_json(), "format": FORMAT}
    tensors = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in network.state_dict().items()
    }
    tensors[_HASHES] = torch.from_numpy(seen_hashes.view(np.int64).copy())
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={"foveal": json.dumps(header, allow_nan=False)})


def load_bundle(path: Path, *, module: nn.Module | None = None) -> Bundle:
    """The model in the file at `path`. `module` is needed for a user's own network, which the file can't rebuild.

    Raises ModelError where the file is missing, is no Foveal model, or does not fit the module.
    """
    header, tensors = _read(path)
    try:
        preprocess = Preprocess.from_json(header["preprocess"])
        contract = Contract(**{**header, "classes": tuple(header["classes"]), "preprocess": preprocess})
        hashes = tensors.pop(_HASHES).numpy().view(np.uint64)
    except (KeyError, TypeError) as error:
        raise ModelError(f"{path}: its header is not that of a Foveal model: {error}") from None
    if module is None:
        if contract.architecture == CUSTOM:
            raise ModelError(f"{path}: holds the weights of your own module; give it too, as module=…")
        with without_weights():
            backbone = build_backbone(contract.architecture, in_channels=contract.preprocess.channels)
            module = contract.make_task().build(backbone)
    network = wrap_module(module)
    try:
        network.load_state_dict(tensors, assign=True)
    except RuntimeError as error:
        words = " ".join(str(error).split())
        raise ModelError(f"{path}: its weights do not fit {type(module).__name__}: {words[:300]}") from None
    network.eval()
    return Bundle(contract=contract, network=network, seen_hashes=hashes)


def wrap_module(module: nn.Module) -> nn.Module:
    """A module whose forward gives outputs by name: a user's own module gives its tensor as "logits"."""
    return module if isinstance(module, Network | NamedOutputs) else NamedOutputs(module)


class NamedOutputs(nn.Module):
    """A user's own module, images (B, C, H, W) -> logits (B, K), in the shape the tasks read: {"logits": …}."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """images: (B, C, H, W) -> {"logits": (B, K)}; a dict is passed on as it is."""
        outputs = self.module(images)
        return outputs if isinstance(outputs, dict) else {"logits": outputs}


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    if not path.is_file():
        raise ModelError(f"{path}: no such model file; a run keeps its model as RUN/model.safetensors")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: _copied(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: not a readable .safetensors file: {error}") from None
    if "foveal" not in metadata:
        raise ModelError(f"{path}: a .safetensors file, but not a Foveal model (its header has no 'foveal' entry)")
    header = json.loads(metadata["foveal"])
    found = header.pop("format")
    if found != FORMAT:
        raise ModelError(
            f"{path}: model format {found}, but this Foveal ({foveal.__version__}) reads {FORMAT}; update it"
        )
    return header, tensors


def _copied(tensor: Tensor) -> Tensor:
    """A copy, because the file is mapped, and Windows replaces no mapped file; kernels at once in channels-last."""
    return tensor.clone(memory_format=torch.channels_last if tensor.ndim == 4 else torch.contiguous_format)
