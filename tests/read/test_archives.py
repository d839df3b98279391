"""Archives read as the folders they hold: every format in every kind, and the Path that stands for a member."""

import hashlib
import pickle
import random
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.read.packing import pack, zip_of

from foveal.annotations import ClassLabel, Instance, Objects, PixelClasses
from foveal.errors import DataError, ImageError
from foveal.feed.store import build_store
from foveal.images import decode, read_bytes, read_header
from foveal.images.label_map import read_label_map, write_label_map
from foveal.images.sources import FileImage
from foveal.preprocess import Preprocess
from foveal.read import READERS
from foveal.read.archive_path import ArchivePath, open_archive
from foveal.read.arrays import from_arrays
from foveal.read.csv_table import read_csv
from foveal.read.dataset import read_dataset
from foveal.read.reader import Reader
from foveal.types import Dataset, Sample

KINDS = ("x.zip", "x.tar", "x.tar.gz", "x.tgz", "x.tar.bz2", "x.tar.xz")


def made(reader: Reader, folder: Path) -> Path:
    """Twelve images written in the reader's format."""
    images = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
    dataset = from_arrays(images, ["cat", "dog"] * 6, splits=["train", "train", "val", "val", "test", "test"] * 2)
    if ClassLabel not in reader.gives:
        (folder / "made").mkdir(parents=True)
        samples = [described(sample, reader, folder / "made" / f"{i}.png") for i, sample in enumerate(dataset.samples)]
        dataset = replace(dataset, samples=tuple(samples))
    reader.write(dataset, folder / "data")
    return folder / "data"


def described(sample: Sample, reader: Reader, file: Path) -> Sample:
    label = sample.known(ClassLabel).index
    if Objects in reader.gives:
        return replace(sample, annotation=Objects((Instance(label=label, box_xyxy=(3, 4, 20, 30)),)))
    write_label_map(np.full((32, 32), label, np.uint8), file)
    return replace(sample, annotation=PixelClasses(file))


def of_pixels(sample: Sample) -> bool:
    return isinstance(sample.annotation, PixelClasses)


def told(dataset: Dataset) -> list[tuple[Sample, bytes, bytes]]:
    """All that is known of each sample, with its pixels and its label map's for their paths."""
    return [
        (
            replace(sample, image=FileImage(Path("x")), annotation=None if of_pixels(sample) else sample.annotation),
            decode(sample.image.read()).tobytes(),
            read_label_map(sample.known(PixelClasses).label_map).tobytes() if of_pixels(sample) else b"",
        )
        for sample in dataset.samples
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("format", [name for name in READERS if name != "arrays"])
def test_every_format_in_every_archive(format: str, kind: str, tmp_path: Path) -> None:
    folder = made(READERS[format], tmp_path)
    wrapped = pack(folder, tmp_path / kind, below="holidays/2026/")
    expected, found = read_dataset(folder), read_dataset(wrapped)
    assert (found.format, found.classes, found.name) == (format, expected.classes, "x")
    assert found.ignored == expected.ignored
    assert told(found) == told(expected)
    bare = read_dataset(pack(folder, tmp_path / f"bare-{kind}"))
    assert [sample.id for sample in bare.samples] == [sample.id for sample in expected.samples]


def test_a_written_copy_of_an_archive_is_its_folder(tmp_path: Path) -> None:
    folder = made(READERS["label-maps"], tmp_path)
    READERS["label-maps"].write(read_dataset(pack(folder, tmp_path / "x.tar")), tmp_path / "copy")
    files = [file.relative_to(folder) for file in folder.rglob("*.png")]
    assert len(files) == 24
    assert all((tmp_path / "copy" / file).read_bytes() == (folder / file).read_bytes() for file in files)


def test_what_a_mac_leaves_behind_is_ignored_and_told(put: Callable[..., Path], tmp_path: Path) -> None:
    folder = put("photos/cat/1.png", "photos/dog/1.png", "__MACOSX/photos/cat/._1.png", "photos/.DS_Store")
    (folder / "photos" / "notes.txt").write_text("hello", encoding="utf-8")
    dataset = read_dataset(pack(folder, tmp_path / "photos.zip"))
    assert [sample.id for sample in dataset.samples] == ["cat/1.png", "dog/1.png"]
    assert dataset.ignored == ("notes.txt", "__MACOSX/photos/cat/._1.png", "photos/.DS_Store")


@pytest.mark.parametrize(
    ("name", "encoding", "found"),
    [("Äpfel, 苹果", "utf-8", "Äpfel, 苹果"), ("Äpfel", "cp437", "Äpfel"), ("Äpfel", "latin-1", "─pfel")],
)
def test_names_of_a_zip_that_does_not_say_their_encoding(
    name: str, encoding: str, found: str, put: Callable[..., Path], tmp_path: Path
) -> None:
    """macOS writes UTF-8 without the flag; other names are code page 437, as the format has it."""
    stored = name.encode(encoding)
    plain = "x" * len(stored)
    archive = pack(put(f"{plain}/1.png", "b/1.png"), tmp_path / "photos.zip")
    archive.write_bytes(archive.read_bytes().replace(f"{plain}/".encode(), stored + b"/"))
    dataset = read_dataset(archive)
    assert set(dataset.classes) == {"b", found}
    assert {sample.id for sample in dataset.samples} == {"b/1.png", f"{found}/1.png"}
    assert [decode(sample.image.read()).shape for sample in dataset.samples] == [(5, 8, 3)] * 2


def test_a_lone_split_folder_is_not_looked_through(put: Callable[..., Path], tmp_path: Path) -> None:
    dataset = read_dataset(pack(put("train/cat/1.png", "train/dog/1.png"), tmp_path / "x.tar"))
    assert {sample.split for sample in dataset.samples} == {"train"}


def test_nothing_recognised_names_what_is_in_the_archive(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x\.zip: no data set is recognised here, only 2 files \(a\.txt, b\.txt\)"):
        read_dataset(zip_of(tmp_path / "x.zip", {"a.txt": b"", "b.txt": b""}))
    with pytest.raises(DataError, match="only an empty folder"):
        read_dataset(zip_of(tmp_path / "y.zip", {}))


def test_a_table_leads_nowhere_outside(put: Callable[..., Path], tmp_path: Path) -> None:
    folder = put("1.png")
    outside = (folder / "1.png").as_posix()
    archive = zip_of(tmp_path / "x.zip", {"labels.csv": f"path,label\n{outside},cat\n../1.png,dog\n".encode()})
    with pytest.raises(DataError, match=r"2 problems:\n.*no file .*1\.png\n.*\.\./1\.png leads out"):
        read_dataset(archive)
    inside = zip_of(tmp_path / "y.zip", {"t.csv": b"where,label\n1.png,cat\n", "1.png": read_bytes(folder / "1.png")})
    table = open_archive(inside) / "t.csv"
    assert read_csv(table, path_column="where").samples[0].image == FileImage(table.with_name("1.png"))


@pytest.fixture
def root(put: Callable[..., Path], tmp_path: Path) -> ArchivePath:
    folder = put("cat/1.png", "cat/deep/2.png")
    (folder / "notes.txt").write_bytes("grün\r\n".encode())
    return open_archive(pack(folder, tmp_path / "x.tar"))


def test_a_member_is_a_path(root: ArchivePath) -> None:
    cat = root / "cat"
    assert isinstance(cat / "1.png", Path)
    assert str(cat / "1.png").endswith("x.tar/cat/1.png")
    assert sorted(each.name for each in cat.iterdir()) == ["1.png", "deep"]
    assert [each.name for each in cat.glob("*.png")] == ["1.png"]
    assert (cat.is_dir(), cat.is_file(), cat.exists(), cat.is_symlink()) == (True, False, True, False)
    image = cat.joinpath("deep", "2.png")
    assert (image.is_dir(), image.is_file(), image.exists()) == (False, True, True)
    assert image.stat().st_size == len(image.read_bytes())
    assert image.stat().st_mtime_ns == Path(root).stat().st_mtime_ns
    assert (root / "notes.txt").read_text(encoding="utf-8") == "grün\n"
    assert read_header(image).size_hw == (5, 8)
    assert not (cat / "3.png").exists()


def test_nothing_is_written_and_nothing_else_is_read(root: ArchivePath) -> None:
    with pytest.raises(OSError, match="never written to"):
        (root / "new.txt").open("w")
    with pytest.raises(OSError):
        (root / "new.txt").write_text("hello", encoding="utf-8")
    with pytest.raises(OSError):
        (root / "new").mkdir()
    with pytest.raises(ImageError, match="no such file"):
        decode(root / "cat" / "3.png")
    with pytest.raises(ImageError, match="is a folder"):
        decode(root / "cat")
    assert not (root / ".." / "x.tar").exists()
    assert not ArchivePath("/etc/hostname").exists()


def test_paths_can_be_sent_to_another_process(root: ArchivePath, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = pickle.dumps(root / "cat" / "1.png")
    assert len(sent) < 1000
    monkeypatch.setattr("foveal.read.archive_path._OPENED", {})
    assert read_header(pickle.loads(sent)).size_hw == (5, 8)


@pytest.mark.parametrize("kind", ["x.zip", "x.tar", "x.tar.gz"])
def test_many_threads_read_at_once(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for i in range(40):
        (folder / str(i)).write_bytes(random.Random(i).randbytes(3000 + i))
    root = open_archive(pack(folder, tmp_path / kind))
    wrong: list[str] = []

    def read(seed: int) -> None:
        for i in random.Random(seed).choices(range(40), k=100):
            if (root / str(i)).read_bytes() != (folder / str(i)).read_bytes():
                wrong.append(f"{seed}: {i}")

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_an_archive_that_changes_is_read_anew_and_never_in_halves(put: Callable[..., Path], tmp_path: Path) -> None:
    folder = put("cat/1.png", "dog/1.png")
    dataset = read_dataset(pack(folder, tmp_path / "x.tar"))
    Image.fromarray(np.zeros((90, 80), np.uint8)).save(folder / "dog" / "2.png")
    pack(folder, tmp_path / "x.tar")
    image = dataset.samples[0].image
    with pytest.raises(ImageError, match=r"x\.tar has changed since it was opened"):
        image.read()
    assert len(read_dataset(tmp_path / "x.tar").samples) == 3


def test_decoded_images_are_kept_and_found_again(put: Callable[..., Path], tmp_path: Path) -> None:
    folder = put("cat/1.png", "dog/1.png", "dog/2.png")
    preprocess = Preprocess(size_hw=(5, 8), channels=3, fit="squash", mean=(0.5,) * 3, std=(0.5,) * 3)
    stores = [build_store(read_dataset(pack(folder, tmp_path / "x.zip")).samples, preprocess) for _ in range(1)]
    stores.append(build_store(read_dataset(tmp_path / "x.zip").samples, preprocess))
    assert "found decoded" in stores[1].description
    digest = hashlib.blake2b((folder / "cat" / "1.png").read_bytes(), digest_size=8).digest()
    assert int(stores[1].hashes[0]) == int.from_bytes(digest, "little")


@pytest.mark.parametrize(
    ("name", "format", "classes", "images"),
    [
        ("mnist.tar", "idx", 10, 70_000),
        ("caltech22.tar", "class-folders", 22, 1909),
        ("orl-faces.tar.xz", "class-folders", 40, 400),
        ("tinycoco.tar", "coco", 80, 38),
        ("bccd.tar", "voc", 3, 364),
    ],
)
def test_real_archives(
    name: str, format: str, classes: int, images: int, real_data: Callable[[str], Path], archives: Path
) -> None:
    found, unpacked = read_dataset(archives / name), read_dataset(real_data(name.split(".")[0]))
    assert (found.format, len(found.classes), len(found.samples)) == (format, classes, images)
    assert [sample.id for sample in found.samples] == [sample.id for sample in unpacked.samples]
