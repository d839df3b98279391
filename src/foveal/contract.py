"""What a model file says beside its weights: a header of sections in JSON, and arrays by name. No torch here.

The header is `{"format": 2, "sections": {name: {"version": …, "values": …}}}`. Each section has a version of its own,
which rises where an older Foveal would misunderstand it; such a section is refused. A section that this Foveal has no
name for is kept as it is and written again: whoever adds one may do so only where files can be used without it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError, safe_open

import foveal
from foveal.errors import ModelError
from foveal.preprocess import Preprocess
from foveal.types import TaskName

FORMAT = 2
SECTIONS = (
    "network",
    "task",
    "classes",
    "preprocess",
    "decision",
    "chosen",
    "augmentation",
    "data",
    "recipe",
    "origin",
    "machine",
    "versions",
)
VERSION = 1
"""Of every section."""
SEEN_HASHES = "seen_hashes"
"""The array (N,) uint64 of `foveal.feed.decoding.content_hash` of every image that training, also that of weights it
started from, learned from or chose the weights by."""
_ENTRY = "foveal"  # the header's name among a .safetensors file's metadata
_ARRAYS = "foveal."  # what the names of all tensors begin with that are no weights
_DECISIONS = {
    "thresholds": "thresholds",
    "score": "score_threshold",
    "overlap": "nms_iou",
    "most": "max_detections",
}
"""Settings of a task that format 1 had among the others, and what a decision calls them."""
A = TypeVar("A")


@dataclass(frozen=True, kw_only=True)
class Contract:
    """Everything in the header. Plain values but for `preprocess`."""

    architecture: str
    """A name that `foveal.networks.network_spec` takes, or `foveal.networks.CUSTOM`."""
    task: TaskName
    task_settings: dict[str, Any]
    classes: tuple[str, ...]
    preprocess: Preprocess
    decision: dict[str, Any] = field(default_factory=dict)
    """What is decided on top of the network's scores, such as thresholds: fields of the task's `Decision`."""
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
    versions: dict[str, str] = field(
        default_factory=lambda: {"foveal": foveal.__version__, "torch": version("torch")}  # which is not loaded for it
    )
    """Of the programs that made it."""
    others: dict[str, Any] = field(default_factory=dict)
    """Sections that this Foveal doesn't know, as they stand in the file."""


def metadata_of(contract: Contract) -> dict[str, str]:
    """A .safetensors file's metadata that `contract_in` reads. Raises ValueError for a number that is none in JSON."""
    sections = {name: {"version": VERSION, "values": values} for name, values in _sections(contract).items()}
    header = {"format": FORMAT, "sections": {**sections, **contract.others}}
    return {_ENTRY: json.dumps(header, allow_nan=False)}


def contract_in(metadata: Mapping[str, str], path: Path) -> Contract:
    """What the metadata of the model file at `path` says. Raises ModelError for what is none, or too new."""
    if _ENTRY not in metadata:
        raise ModelError(f"{path}: a .safetensors file, but not a Foveal model (its header has no 'foveal' entry)")
    try:
        header = json.loads(metadata[_ENTRY])
        found = header.pop("format")
        if found not in (1, FORMAT):
            raise ModelError(
                f"{path}: model format {found}, but this Foveal ({foveal.__version__}) reads {FORMAT}; update it"
            )
        sections = _of_format_1(header) if found == 1 else header["sections"]
        _check_versions(sections, path)
        return _contract(sections)
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ModelError(f"{path}: its header is not that of a Foveal model: {error}") from None


def read_contract(path: Path) -> Contract:
    """What the model file at `path` says; no weight is read. Raises ModelError."""
    try:
        with safe_open(path, framework="np") as file:
            return contract_in(file.metadata() or {}, path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: not a readable .safetensors file: {error}") from None


def with_arrays(weights: Mapping[str, A], arrays: Mapping[str, A]) -> dict[str, A]:
    """The tensors of a model file: its weights, and other arrays by names of their own."""
    return {**weights, **{_ARRAYS + name: each for name, each in arrays.items()}}


def arrays_apart(tensors: Mapping[str, A], path: Path) -> tuple[dict[str, A], dict[str, A]]:
    """The inverse of `with_arrays`: weights, and the other arrays. Raises ModelError where the hashes are missing."""
    arrays = {name.removeprefix(_ARRAYS): each for name, each in tensors.items() if name.startswith(_ARRAYS)}
    if SEEN_HASHES not in arrays:
        raise ModelError(f"{path}: not a Foveal model: it has no array {_ARRAYS}{SEEN_HASHES}")
    return {name: each for name, each in tensors.items() if not name.startswith(_ARRAYS)}, arrays


def _sections(contract: Contract) -> dict[str, Any]:
    """The values of each of `SECTIONS`."""
    return {
        "network": {"architecture": contract.architecture},
        "task": {"name": contract.task, "settings": contract.task_settings},
        "classes": list(contract.classes),
        "preprocess": contract.preprocess.to_json(),
        "decision": contract.decision,
        "chosen": {"weights": contract.chosen, "val": contract.val},
        "augmentation": {"mirrored": contract.mirrored},
        "data": contract.data,
        "recipe": contract.recipe,
        "origin": contract.origin,
        "machine": contract.machine,
        "versions": contract.versions,
    }


def _contract(sections: Mapping[str, Any]) -> Contract:
    values = {name: sections[name]["values"] for name in SECTIONS}
    return Contract(
        architecture=values["network"]["architecture"],
        task=values["task"]["name"],
        task_settings=values["task"]["settings"],
        classes=tuple(values["classes"]),
        preprocess=Preprocess.from_json(values["preprocess"]),
        decision=values["decision"],
        chosen=values["chosen"]["weights"],
        val=values["chosen"]["val"],
        mirrored=values["augmentation"]["mirrored"],
        **{name: values[name] for name in ("data", "recipe", "origin", "machine", "versions")},
        others={name: section for name, section in sections.items() if name not in SECTIONS},
    )


def _check_versions(sections: Mapping[str, Any], path: Path) -> None:
    for name in SECTIONS:
        if (found := sections[name]["version"]) > VERSION:
            raise ModelError(
                f"{path}: version {found} of the section {name}, but this Foveal ({foveal.__version__}) reads up to "
                f"{VERSION}; update it"
            )


def _of_format_1(header: Mapping[str, Any]) -> dict[str, Any]:
    """The sections of a file of format 1, whose header was one level of values."""
    settings = {name: value for name, value in header["task_settings"].items() if name not in _DECISIONS}
    decision = {
        name: header["task_settings"][old] for old, name in _DECISIONS.items() if old in header["task_settings"]
    }
    contract = Contract(
        **{**header, "preprocess": Preprocess.from_json(header["preprocess"]), "task_settings": settings},
        decision=decision,
    )
    return {name: {"version": VERSION, "values": values} for name, values in _sections(contract).items()}
