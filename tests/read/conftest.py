"""Small made-up data sets for the readers' tests."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def archives() -> Path:
    """The folder of the real data's archives; skips where FOVEAL_DATA is not set."""
    if "FOVEAL_DATA" not in os.environ:
        pytest.skip("needs real data: set FOVEAL_DATA to the folder that holds the data archives")
    return Path(os.environ["FOVEAL_DATA"])


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a small image of its own for each path below a folder, and gives the folder."""

    def write(*paths: str, root: str = "data") -> Path:
        folder = tmp_path / root
        for i, path in enumerate(paths):
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.full((5, 8, 3), i % 250, np.uint8)
            pixels[0, 0] = 250
            Image.fromarray(pixels).save(file, format="PNG")
        return folder

    return write
