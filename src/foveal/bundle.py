"""The model file: one `.safetensors` with the weights, and in its header as JSON all that is needed to use them.

Loading it can't run code. What the header says is `foveal.contract`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from foveal.contract import SEEN_HASHES, Contract, arrays_apart, contract_in, metadata_of, with_arrays
from foveal.errors import ModelError
from foveal.files import atomic_path
from foveal.networks import CUSTOM
from foveal.networks.build import Network, build_backbone, without_weights
from foveal.tasks import make_task
from foveal.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A model file in memory."""

    contract: Contract
    network: nn.Module
    """In evaluation mode, on the CPU, in float32, channels-last."""
    arrays: Mapping[str, np.ndarray]
    """What else the file holds, by name: `SEEN_HASHES` among them."""

    @property
    def seen_hashes(self) -> np.ndarray:
        """(N,) uint64, of every image that training saw, to find leaks into a test set."""
        return self.arrays[SEEN_HASHES].view(np.uint64)  # format 1 had them as signed numbers

    def make_task(self) -> Task:
        """The task these weights were trained for."""
        return task_of(self.contract)


def task_of(contract: Contract) -> Task:
    """The task of a model file that says so."""
    return make_task(contract.task, contract.classes, contract.task_settings, contract.decision)


def save_bundle(path: Path, network: nn.Module, contract: Contract, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes the model file, atomically."""
    weights = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in network.state_dict().items()
    }
    tensors = with_arrays(weights, {name: torch.from_numpy(each.copy()) for name, each in arrays.items()})
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata=metadata_of(contract))


def load_bundle(path: Path, *, module: nn.Module | None = None) -> Bundle:
    """The model in the file at `path`. `module` is needed for a user's own network, which the file can't rebuild.

    Raises ModelError where the file is missing, is no Foveal model, or does not fit the module.
    """
    metadata, tensors = _read(path)
    contract = contract_in(metadata, path)
    weights, arrays = arrays_apart(tensors, path)
    if module is None:
        if contract.architecture == CUSTOM:
            raise ModelError(f"{path}: holds the weights of your own module; give it too, as module=…")
        with without_weights():
            backbone = build_backbone(contract.architecture, in_channels=contract.preprocess.channels)
            module = task_of(contract).learning.build(backbone)
    network = wrap_module(module)
    try:
        network.load_state_dict(weights, assign=True)
    except RuntimeError as error:
        words = " ".join(str(error).split())
        raise ModelError(f"{path}: its weights do not fit {type(module).__name__}: {words[:300]}") from None
    network.eval()
    return Bundle(contract=contract, network=network, arrays={name: each.numpy() for name, each in arrays.items()})


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


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    if not path.is_file():
        raise ModelError(f"{path}: no such model file; a run keeps its model as RUN/model.safetensors")
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}, {name: _copied(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: not a readable .safetensors file: {error}") from None


def _copied(tensor: Tensor) -> Tensor:
    """A copy, because the file is mapped, and Windows replaces no mapped file; kernels at once in channels-last."""
    return tensor.clone(memory_format=torch.channels_last if tensor.ndim == 4 else torch.contiguous_format)
