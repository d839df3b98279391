"""Label maps of every bit depth that a PNG has, and none that is too large."""

import time
from pathlib import Path

import numpy as np
import pytest
from tests.images.test_decode import png, png_chunk

from foveal.errors import DataError, ImageError
from foveal.images.label_map import read_label_map
from foveal.read.dataset import read_dataset

GREY, PALETTE = 0, 3  # PNG, third edition, table 11.1


@pytest.mark.parametrize(
    ("depth", "rows", "expected"),
    [
        (1, bytes([0, 0b0_1_1_00000, 0, 0b1_0_0_00000]), [[0, 1, 1], [1, 0, 0]]),
        (2, bytes([0, 0b00_01_10_00, 0, 0b11_00_01_00]), [[0, 1, 2], [3, 0, 1]]),
        (4, bytes([0, 0x01, 0x70, 0, 0xF9, 0x20]), [[0, 1, 7], [15, 9, 2]]),
        (8, bytes([0, 0, 1, 85, 0, 255, 17, 34]), [[0, 1, 85], [255, 17, 34]]),
    ],
)
@pytest.mark.parametrize("colour", [GREY, PALETTE])
def test_indices_are_those_stored(
    colour: int, depth: int, rows: bytes, expected: list[list[int]], tmp_path: Path
) -> None:
    colours = [png_chunk(b"PLTE", bytes(range(3)) * 2**depth)] if colour == PALETTE else []
    (tmp_path / "x.png").write_bytes(png(3, 2, depth, colour, rows, *colours))
    found = read_label_map(tmp_path / "x.png")
    assert found.dtype == np.uint8
    assert found.tolist() == expected


def test_a_pixel_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.png").write_bytes(png(50_000, 50_000, 8, GREY, bytes(1000)))
    started = time.monotonic()
    with pytest.raises(ImageError, match=r"x\.png: 50000×50000 is 2,500,000,000 pixels; at most 50,000,000"):
        read_label_map(tmp_path / "masks" / "x.png")
    with pytest.raises(DataError, match=r"masks/x\.png: 50000×50000 is"):
        read_dataset(tmp_path)
    assert time.monotonic() - started < 2
