"""Foveal: from a folder of labelled images to a trained, understood and honestly evaluated network."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Resolved at first use, so that `import foveal` and `foveal --help` load no torch.
_PUBLIC = {
    "ArrayImage": "foveal.images.sources",
    "ClassLabel": "foveal.annotations",
    "Dataset": "foveal.types",
    "FileImage": "foveal.images.sources",
    "Instance": "foveal.annotations",
    "LabelSet": "foveal.annotations",
    "Numbers": "foveal.annotations",
    "Objects": "foveal.annotations",
    "PixelClasses": "foveal.annotations",
    "Polygons": "foveal.annotations",
    "RunLengths": "foveal.annotations",
    "Sample": "foveal.types",
    "Classified": "foveal.answers.classify",
    "Detected": "foveal.answers.detect",
    "Failed": "foveal.answers.predicted",
    "Labelled": "foveal.answers.multilabel",
    "Measured": "foveal.answers.regress",
    "Predicted": "foveal.answers.predicted",
    "Segmented": "foveal.answers.segment",
    "bench": "foveal.verbs.bench",
    "convert": "foveal.verbs.convert",
    "describe": "foveal.verbs.describe",
    "demo": "foveal.verbs.demo",
    "evaluate": "foveal.verbs.evaluate",
    "load": "foveal.verbs.predict",
    "models": "foveal.verbs.models",
    "predict": "foveal.verbs.predict",
    "read_dataset": "foveal.read.dataset",
    "show_augmentation": "foveal.verbs.augment",
    "train": "foveal.verbs.train",
    "tune": "foveal.verbs.tune",
}

__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'foveal' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
