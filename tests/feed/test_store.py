"""The store gives what the preprocessing gives, once, in each of its forms."""

import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.made import shape_folder, shapes

from foveal.errors import BadImagesError, ImageError
from foveal.feed import cache
from foveal.feed.cache import cache_key
from foveal.feed.decoding import content_hash
from foveal.feed.store import Store, build_store, channel_statistics
from foveal.preprocess import Preprocess
from foveal.read.dataset import read_dataset
from foveal.types import Sample

PREPROCESS = Preprocess(size_hw=(20, 16), channels=3, fit="squash", mean=(0.0,) * 3, std=(1.0,) * 3)


@pytest.fixture
def samples(tmp_path: Path) -> tuple[Sample, ...]:
    return read_dataset(shape_folder(tmp_path / "data", count=9)).samples


def everything(store: Store) -> torch.Tensor:
    return store.gather(torch.arange(len(store)))


def expected(samples: tuple[Sample, ...]) -> torch.Tensor:
    images = np.stack([PREPROCESS.load(sample.image.read()) for sample in samples])  # type: ignore[arg-type]
    return torch.from_numpy(images).permute(0, 3, 1, 2)


@pytest.mark.parametrize(
    ("memory", "disk", "words"),
    [
        (2**30, 2**30, "in memory"),
        (0, 2**30, "memory-mapped"),
        (0, 0, "decoded anew"),
        (2**30, 0, "in memory"),
    ],
)
def test_every_form_gives_the_same(samples: tuple[Sample, ...], memory: int, disk: int, words: str) -> None:
    store = build_store(samples, PREPROCESS, memory_allowance=memory, disk_allowance=disk)
    assert words in store.description
    assert torch.equal(everything(store), expected(samples))
    some = torch.tensor([7, 0, 7])
    assert torch.equal(store.gather(some), expected(samples)[some])
    assert store.gather(some).is_contiguous(memory_format=torch.channels_last)


def test_announced_images_are_decoded_ahead_and_once(
    samples: tuple[Sample, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert build_store(samples, PREPROCESS, disk_allowance=0).announce is None
    store = build_store(samples, PREPROCESS, memory_allowance=0, disk_allowance=0)
    assert store.announce is not None
    images, loads, decoded = expected(samples), Preprocess.load, []

    def load(self: Preprocess, source: bytes, *, name: str) -> np.ndarray:
        decoded.append(name)
        return loads(self, source, name=name)

    monkeypatch.setattr(Preprocess, "load", load)
    store.announce(torch.tensor([3, 1, 3, 2]))
    store.announce(torch.tensor([2, 3, 5]))  # 1 is given up: decoded already, or never
    some = torch.tensor([5, 3, 5, 2, 0])
    assert torch.equal(store.gather(some), images[some])
    assert [decoded.count(samples[index].image.name) for index in (2, 3, 5, 0)] == [1, 1, 1, 1]


def test_the_second_run_finds_the_images_decoded(samples: tuple[Sample, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    first = build_store(samples, PREPROCESS)
    monkeypatch.setattr("foveal.feed.store.decode_all", None)  # decoding again would fail
    second = build_store(samples, PREPROCESS)
    assert "found decoded" in second.description
    assert torch.equal(everything(first), everything(second))
    assert np.array_equal(first.hashes, second.hashes)


def test_a_changed_file_is_decoded_again(samples: tuple[Sample, ...]) -> None:
    build_store(samples, PREPROCESS)
    path, other = Path(samples[0].image.name), Path(samples[-1].image.name).read_bytes()
    path.write_bytes(other)
    store = build_store(samples, PREPROCESS)
    assert torch.equal(everything(store)[0], everything(store)[-1])
    assert store.hashes[0] == store.hashes[-1]


def test_bad_images_are_listed_all_at_once_or_skipped(samples: tuple[Sample, ...]) -> None:
    for sample in samples[2:4]:
        Path(sample.image.name).write_bytes(b"not an image")
    with pytest.raises(BadImagesError, match="2 images can't be decoded") as caught:
        build_store(samples, PREPROCESS)
    assert [error.path for error in caught.value.errors] == [sample.image.name for sample in samples[2:4]]
    for _ in ("decoding", "from the cache"):
        store = build_store(samples, PREPROCESS, on_bad_image="skip")
        assert len(store.skipped) == 2
        assert store.samples == samples[:2] + samples[4:]
        assert torch.equal(everything(store), expected(store.samples))


def test_a_missing_file_is_a_bad_image(samples: tuple[Sample, ...]) -> None:
    Path(samples[1].image.name).unlink()
    with pytest.raises(BadImagesError, match="no such file"):
        build_store(samples, PREPROCESS)


def test_two_runs_decode_once(samples: tuple[Sample, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    build = cache._build
    monkeypatch.setattr(cache, "_build", lambda *given: (decoded.append(1), build(*given)))
    stores: list[Store] = []
    threads = [threading.Thread(target=lambda: stores.append(build_store(samples, PREPROCESS))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(decoded) == 1
    assert all(torch.equal(everything(store), everything(stores[0])) for store in stores)


def test_the_oldest_entries_make_room(
    samples: tuple[Sample, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FOVEAL_CACHE", str(tmp_path / "cache"))
    one = 9 * 20 * 16 * 3 * 2 + 1500
    monkeypatch.setattr(cache, "CAP_BYTES", 2 * one + 2000)
    for fit in ("squash", "crop", "pad"):
        build_store(samples, Preprocess(**{**vars(PREPROCESS), "fit": fit}), memory_allowance=0)
    assert len(list((tmp_path / "cache" / "decoded").glob("*.npy"))) == 2
    monkeypatch.setattr("foveal.feed.store.decode_all", None)
    assert "found decoded" in build_store(samples, Preprocess(**{**vars(PREPROCESS), "fit": "pad"})).description


def test_a_failed_decode_leaves_nothing(
    samples: tuple[Sample, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FOVEAL_CACHE", str(tmp_path / "cache"))

    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("foveal.feed.store.decode_all", fail)
    with pytest.raises(KeyboardInterrupt):
        build_store(samples, PREPROCESS)
    assert [path.suffix for path in (tmp_path / "cache" / "decoded").iterdir()] == [".lock"]


def test_channel_statistics_are_those_of_all_pixels(samples: tuple[Sample, ...]) -> None:
    store = build_store(samples, PREPROCESS)
    pixels = everything(store).double() / 255
    mean, std = channel_statistics(store)
    assert mean == pytest.approx(pixels.mean(dim=(0, 2, 3)).tolist(), abs=1e-4)
    assert std == pytest.approx(pixels.std(dim=(0, 2, 3), correction=0).tolist(), abs=1e-4)


def test_a_constant_channel_can_be_divided_by() -> None:
    images = np.full((4, 8, 8), 200, np.uint8)
    plain = Preprocess(size_hw=(8, 8), channels=1, fit="squash", mean=(0.0,), std=(1.0,))
    assert channel_statistics(build_store(read_dataset((images, [0, 1, 0, 1])).samples, plain))[1] == (1.0,)


def test_arrays_are_not_cached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FOVEAL_CACHE", str(tmp_path / "cache"))
    plain = Preprocess(size_hw=(24, 24), channels=1, fit="squash", mean=(0.0,), std=(1.0,))
    assert len(build_store(shapes(6).samples, plain)) == 6
    assert not (tmp_path / "cache").exists()


def test_an_image_that_was_unreadable_for_a_moment_is_tried_again(
    samples: tuple[Sample, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = {samples[2].image.name, samples[5].image.name}

    def read(path: Path) -> bytes:
        if str(path) in busy:
            raise ImageError(path, "can't be read: the server is away")
        return path.read_bytes()

    monkeypatch.setattr("foveal.images.sources.read_bytes", read)
    assert len(build_store(samples, PREPROCESS, on_bad_image="skip").skipped) == 2
    busy.remove(samples[2].image.name)
    assert [str(error.path) for error in build_store(samples, PREPROCESS, on_bad_image="skip").skipped] == [
        samples[5].image.name
    ]
    busy.clear()
    store = build_store(samples, PREPROCESS)
    assert "found decoded" in store.description
    assert torch.equal(everything(store), expected(samples))
    assert store.hashes[2] == content_hash(samples[2].image.read())


def test_what_is_cached_is_found_however_little_room_is_left(samples: tuple[Sample, ...]) -> None:
    build_store(samples, PREPROCESS)
    assert "memory-mapped" in build_store(samples, PREPROCESS, memory_allowance=0, disk_allowance=0).description


def test_what_a_kill_left_goes(samples: tuple[Sample, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FOVEAL_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "cache" / "decoded"
    folder.mkdir(parents=True)
    half = folder / f".{cache_key(samples, PREPROCESS)}.npy.17.tmp"
    half.write_bytes(b"half")
    for orphan in ("a.npy", "b.npz"):
        (folder / orphan).write_bytes(b"0" * 5000)
    monkeypatch.setattr(cache, "CAP_BYTES", 20_000)
    build_store(samples, PREPROCESS)
    assert not half.exists()
    assert {path.suffix for path in folder.iterdir()} == {".lock", ".npy", ".npz"}
    assert not (folder / "a.npy").exists()
    assert not (folder / "b.npz").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    data = shape_folder(tmp_path / "data", count=9)
    path = next(data.rglob("*.png"))
    path.rename(path.with_name(os.fsdecode(b"caf\xe9.png")))
    samples = read_dataset(data).samples
    assert torch.equal(everything(build_store(samples, PREPROCESS)), expected(samples))
