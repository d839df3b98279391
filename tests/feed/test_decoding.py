"""Decoding in processes, against decoding here."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFile
from tests.made import shape_folder

from foveal.feed import decoding
from foveal.feed.decoding import decode_all
from foveal.feed.workers import Workers
from foveal.preprocess import Preprocess
from foveal.read.dataset import read_dataset
from foveal.types import Sample

PREPROCESS = Preprocess(size_hw=(20, 28), channels=3, fit="pad", mean=(0.0,) * 3, std=(1.0,) * 3)


@pytest.fixture
def samples(tmp_path: Path) -> tuple[Sample, ...]:
    """150 images in three chunks, of which one is broken and one is gone."""
    found = read_dataset(shape_folder(tmp_path / "shapes", count=150, splits=("train",))).samples
    for index, change in ((3, lambda path: path.write_bytes(b"no image")), (140, Path.unlink)):
        change(Path(found[index].image.name))
    return tuple(found)


def decoded(
    samples: tuple[Sample, ...], out: np.ndarray | None
) -> tuple[list[int], list[tuple[int, str, str]], list[tuple[int, int]]]:
    told: list[tuple[int, int]] = []
    hashes, bad = decode_all(samples, PREPROCESS, out, progress=lambda done, of: told.append((done, of)))
    return hashes.tolist(), [(index, str(error.path), error.reason) for index, error in bad], told


def test_processes_decode_what_threads_do(samples: tuple[Sample, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = (np.full((150, 20, 28, 3), 7, np.uint8) for _ in range(2))
    expected = decoded(samples, here)
    monkeypatch.setattr(decoding, "FILES", 150)
    monkeypatch.setattr(decoding, "cores", lambda: 2)
    started: list[int] = []
    monkeypatch.setattr(decoding, "Workers", lambda count: started.append(count) or Workers(count))
    assert decoded(samples, there) == expected
    assert (here == there).all()
    assert started == [2]
    assert [index for index, _, _ in expected[1]] == [3, 140]
    assert expected[2][-1] == (150, 150)
    assert decoded(samples, None)[:2] == expected[:2]


def test_pillows_switch_for_files_that_end_too_early_holds_in_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = read_dataset(shape_folder(tmp_path / "shapes", count=30, splits=("train",))).samples
    for sample in found:
        Path(sample.image.name).write_bytes(Path(sample.image.name).read_bytes()[:-40])
    monkeypatch.setattr(decoding, "FILES", 1)
    monkeypatch.setattr(decoding, "cores", lambda: 2)
    assert len(decoded(found, None)[1]) == 30
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    assert decoded(found, None)[1] == []


def test_where_no_process_can_be_started_threads_decode(
    samples: tuple[Sample, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = decoded(samples, None)
    monkeypatch.setattr(decoding, "FILES", 1)
    monkeypatch.setattr(decoding, "cores", lambda: 2)
    monkeypatch.setattr(sys, "executable", str(Path("no") / "python"))
    assert decoded(samples, None) == expected


def test_a_process_that_decodes_loads_no_torch() -> None:
    code = "import sys, foveal.feed.decoding, foveal.feed.workers; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("cores", [1, 2])
def test_what_is_left_is_given_up_where_it_is_stopped(
    samples: tuple[Sample, ...], monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    monkeypatch.setattr(decoding, "_CHUNK_BYTES", 20 * 28 * 3)  # an image a chunk
    monkeypatch.setattr(decoding, "cores", lambda: cores)
    monkeypatch.setattr(decoding, "FILES", 150)
    out = np.zeros((150, 20, 28, 3), np.uint8)
    loaded: list[str] = []
    load = decoding.load_fitted
    monkeypatch.setattr(decoding, "load_fitted", lambda *args, **to: loaded.append(to["name"]) or load(*args, **to))

    def stop(done: int, of: int) -> None:
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decode_all(samples, PREPROCESS, out, progress=stop)
    assert out[9].any()
    assert not out[10:].any()
    assert len(loaded) < 20
