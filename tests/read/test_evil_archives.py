"""Archives that nobody should trust: each is refused in one clear line, and nothing is ever written."""

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.read.packing import tar_of, zip_of

from foveal.errors import DataError, ImageError
from foveal.images import decode
from foveal.read import archive_members, tars
from foveal.read.archive_path import open_archive
from foveal.read.dataset import read_dataset

ZIPS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "upwards": (lambda file: zip_of(file, {"../x.png": b""}), r"'\.\./x\.png' is no path inside it; pack it again"),
    "hidden upwards": (lambda file: zip_of(file, {"a/b/../../../x": b""}), "is no path inside it"),
    "absolute": (lambda file: zip_of(file, {"/etc/passwd": b""}), "'/etc/passwd' is no path inside it"),
    "drive": (lambda file: zip_of(file, {"C:/x.png": b""}), "'C:/x.png' is no path inside it"),
    "backslashes": (lambda file: zip_of(file, {"..\\x.png": b""}), "is no path inside it"),
    "network": (lambda file: zip_of(file, {"\\\\server\\x.png": b""}), "is no path inside it"),
    "link": (lambda file: zip_of(file, {"x.png": b"/etc/passwd"}, kind=stat.S_IFLNK), r"x\.png is a symbolic link; of"),
    "device": (lambda file: zip_of(file, {"x.png": b""}, kind=stat.S_IFCHR), r"x\.png is a device or pipe; of an"),
    "file and folder": (lambda file: zip_of(file, {"a": b"", "a/b": b""}), "a is a file and a folder"),
    "folder and file": (lambda file: zip_of(file, {"a/b": b"", "a": b""}), "a is in it twice"),
    "two spellings": (lambda file: zip_of(file, {"a/b": b"", "a//./b": b""}), "a/b is in it twice; pack it again"),
    "lzma": (lambda file: zip_of(file, {"a": b"a"}, method=zipfile.ZIP_LZMA), "packed by zip's method 14; stored"),
    "bomb": (
        lambda file: zip_of(file, {"a.png": bytes(65 * 2**20)}, method=zipfile.ZIP_DEFLATED),
        "unpack to over 200 times as many are no data set that is read",
    ),
}

TARS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "upwards": (lambda file: tar_of(file, [("../x.png", b"")]), r"'\.\./x\.png' is no path inside it"),
    "absolute": (lambda file: tar_of(file, [("/etc/passwd", b"")]), "'/etc/passwd' is no path inside it"),
    "link": (lambda file: tar_of(file, [("x", b"")], kind=tarfile.SYMTYPE, to="/etc/passwd"), "x is a symbolic link"),
    "hard link": (lambda file: tar_of(file, [("x", b"")], kind=tarfile.LNKTYPE, to="/etc/passwd"), "x is a hard link"),
    "device": (lambda file: tar_of(file, [("x", b"")], kind=tarfile.CHRTYPE), "x is a device; of an archive only"),
    "disk": (lambda file: tar_of(file, [("x", b"")], kind=tarfile.BLKTYPE), "x is a device"),
    "pipe": (lambda file: tar_of(file, [("x", b"")], kind=tarfile.FIFOTYPE), "x is a pipe"),
    "sparse": (lambda file: tar_of(file, [("x", b"")], kind=tarfile.GNUTYPE_SPARSE), "x is a sparse file"),
    "unknown": (lambda file: tar_of(file, [("x", b"")], kind=b"Z"), "x is of an unknown type"),
    "twice": (lambda file: tar_of(file, [("x", b"1"), ("./x", b"2")]), "x is in it twice"),
}


def message_of(archive: Path) -> str:
    """The one line that refuses the archive, which nothing else appeared beside."""
    with pytest.raises(DataError) as caught:
        read_dataset(archive)
    text = str(caught.value)
    assert text.startswith(f"{archive}: ")
    assert "\n" not in text
    assert list(archive.parent.iterdir()) == [archive]
    return text


@pytest.mark.parametrize("name", ZIPS)
def test_zips(name: str, tmp_path: Path) -> None:
    make, message = ZIPS[name]
    assert_matches(message_of(make(tmp_path / "x.zip")), message)


@pytest.mark.parametrize("name", TARS)
def test_tars(name: str, tmp_path: Path) -> None:
    make, message = TARS[name]
    assert_matches(message_of(make(tmp_path / "x.tar")), message)


def assert_matches(text: str, pattern: str) -> None:
    with pytest.raises(ValueError, match=pattern):
        raise ValueError(text)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_in_a_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for content in ("1", "2"):
            archive.writestr("a/x.png", content)
    assert "a/x.png is in it twice" in message_of(tmp_path / "x.zip")


def test_an_encrypted_zip(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "x.zip", {"secret.png": b"123"})
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the flag in the directory; zipfile itself can't encrypt
    archive.write_bytes(content)
    assert "secret.png is encrypted; pack it again without a password" in message_of(archive)


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.tar.xz"])
@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04" + bytes(100), b"\x1f\x8b" + bytes(700), b"x" * 5000])
def test_no_archive_at_all(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    text = message_of(tmp_path / name)
    assert "that can be read" in text or "can't be unpacked, it is cut off or damaged" in text


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_cut_off_anywhere(kind: str, tmp_path: Path) -> None:
    """No archive that lacks its end is read as a smaller one."""
    whole = tmp_path / "whole"
    members = {f"{i}.png": os.urandom(700 + 300 * i) for i in range(4)}
    if kind == "zip":
        content = zip_of(whole, members).read_bytes()
    else:
        tar_of(whole, list(members.items()))
        with io.BytesIO() as packed, tarfile.open(whole) as read:
            with tarfile.open(fileobj=packed, mode=f"w:{kind[4:]}") as written:  # type: ignore[call-overload]
                for info in read:
                    written.addfile(info, read.extractfile(info))
            content = packed.getvalue()
    whole.unlink()
    end = len(content) if kind != "tar" else 4 * 512 + sum(-(-len(each) // 512) * 512 for each in members.values())
    cuts = range(1, end, 97)
    for cut in cuts:
        archive = tmp_path / f"x.{kind}"
        archive.write_bytes(content[:cut])
        assert "cut off" in message_of(archive), cut


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_too_many_members(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_members, "MAX_MEMBERS", 3000)
    members = {f"{i}.png": b"" for i in range(3001)}
    archive = tmp_path / f"x.{kind}"
    make = {"zip": lambda: zip_of(archive, members), "tar": lambda: tar_of(archive, list(members.items()))}
    assert "holds over 3,000 members; unpack it" in message_of(make[kind]())


def test_too_large_a_member_and_too_much_in_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tar_of(tmp_path / "x.tar", [("a", bytes(600)), ("b", bytes(700))])
    monkeypatch.setattr(archive_members, "MAX_TOTAL_BYTES", 1200)
    assert "unpacks to over 1,200 bytes" in message_of(archive)
    monkeypatch.setattr(archive_members, "MAX_MEMBER_BYTES", 650)
    assert "b has 700 bytes; at most 650 are read" in message_of(archive)


def test_a_compressed_tar_over_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("a.png")
        info.size = 70 * 2**20
        archive.addfile(info, io.BytesIO(bytes(info.size)))
    assert "unpack to over 200 times as many" in message_of(tmp_path / "x.tar.gz")
    monkeypatch.setattr(tars, "MAX_KEPT_BYTES", 10 * 2**20)
    assert "to over 10,485,760 bytes; make it a zip, or a tar without compression" in message_of(tmp_path / "x.tar.gz")


def test_a_negative_size_in_a_tar(tmp_path: Path) -> None:
    """CVE-2025-8194: tarfile goes round in circles."""
    archive = tar_of(tmp_path / "x.tar", [("a", b"1"), ("b", b"2")])
    content = bytearray(archive.read_bytes())
    header = content[1024:1536]
    header[124:136] = b"\xff" * 10 + (-1024 & 0xFFFF).to_bytes(2, "big")
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    content[1024:1536] = header
    archive.write_bytes(content)
    assert "it is cut off or damaged" in message_of(archive)


def test_a_zip_that_lies_about_its_members(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "x.zip", {"a.png": b"abc" * 100, "b.png": b"x" * 9}, method=zipfile.ZIP_DEFLATED)
    content = archive.read_bytes()
    directory = content.index(b"PK\x01\x02")

    def changed(at: int, value: bytes) -> str:
        archive.write_bytes(content[:at] + value + content[at + len(value) :])
        with pytest.raises(ImageError) as caught:
            decode(open_archive(archive) / "a.png")
        return str(caught.value)

    assert "the archive is damaged: a.png has another checksum" in changed(directory + 16, b"\0\0\0\0")
    assert "a.png has another checksum" in changed(directory + 24, (20).to_bytes(4, "little"))
    assert "a.png has another checksum" in changed(directory + 24, (2000).to_bytes(4, "little"))
    assert "a.png is not where its directory says" in changed(directory + 42, (1).to_bytes(4, "little"))
    assert "the archive is damaged: a.png" in changed(content.index(b"a.png") + 5, b"\xff\xff")
    packed = directory + 20
    archive.write_bytes(content[:packed] + (2**31).to_bytes(4, "little") + content[packed + 4 :])
    assert "a.png takes 2,147,483,648 bytes from byte 0 on" in message_of(archive)
