"""The verbs, each a public function whose signature the command line is made of.

A verb's module is its function and loads no torch before it runs; what it is made of stands in modules beside it.
"""

from collections.abc import Callable
from typing import Any

from foveal.index import Index

VERBS: Index[Callable[..., Any]] = Index(
    {
        "demo": "foveal.verbs.demo:demo",
        "train": "foveal.verbs.train:train",
        "augment": "foveal.verbs.augment:show_augmentation",
        "tune": "foveal.verbs.tune:tune",
        "evaluate": "foveal.verbs.evaluate:evaluate",
        "predict": "foveal.verbs.predict:predict",
        "bench": "foveal.verbs.bench:bench",
        "convert": "foveal.verbs.convert:convert",
        "describe": "foveal.verbs.describe:describe",
        "models": "foveal.verbs.models:models",
    }
)
