"""Tar archives: what they hold; a compressed one, in which nothing can be found again, is unpacked in memory, once."""

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, Any, BinaryIO

from foveal.errors import DataError
from foveal.read.archive_members import Entry, check_ratio

MAX_KEPT_BYTES = 2 * 2**30
"""What a compressed tar may unpack to, since it is kept in memory."""

_OPENERS: dict[bytes, Callable[..., IO[Any]]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
"""By the bytes that such a file begins with."""

_KINDS = {
    tarfile.DIRTYPE: "folder",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
}
_BLOCK_BYTES = tarfile.BLOCKSIZE
_CHUNK_BYTES = 1 << 20


def unpacked(path: Path) -> BytesIO | None:
    """The whole tar in memory where it is compressed; None where it isn't. Raises DataError over `MAX_KEPT_BYTES`."""
    with path.open("rb") as file:
        start = file.read(max(map(len, _OPENERS)))
    opener = next((opener for magic, opener in _OPENERS.items() if start.startswith(magic)), None)
    if opener is None:
        return None
    kept, size_bytes = BytesIO(), path.stat().st_size
    try:
        with opener(path) as packed:
            while chunk := packed.read(_CHUNK_BYTES):
                kept.write(chunk)
                check_ratio(path, kept.tell(), size_bytes)
                if kept.tell() > MAX_KEPT_BYTES:
                    raise DataError(
                        f"{path}: is a compressed tar, which has to be kept in memory, and unpacks to over "
                        f"{MAX_KEPT_BYTES:,} bytes; make it a zip, or a tar without compression"
                    )
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise DataError(f"{path}: can't be unpacked, it is cut off or damaged: {error}") from None
    kept.seek(0)
    return kept


def tar_entries(path: Path, file: BinaryIO) -> Iterator[Entry]:
    """The members of the tar in `file`, which is `path` or what it unpacks to. Raises DataError where it is none."""
    end = 0
    for info in _infos(path, file):
        kind = _KINDS.get(info.type, "file" if info.isreg() else "of an unknown type")
        if info.sparse is not None:
            kind = "a sparse file"
        yield Entry(name=info.name, kind=kind, offset=info.offset_data, packed_bytes=info.size, size_bytes=info.size)
        # Only a file is followed by its bytes.
        end = info.offset_data + (-(-info.size // _BLOCK_BYTES) * _BLOCK_BYTES if kind == "file" else 0)
    # tarfile takes any block that is no header, or none at all, for the end: what lies behind would be lost in silence.
    file.seek(end)
    if file.read(_BLOCK_BYTES) != bytes(_BLOCK_BYTES):
        raise DataError(f"{path}: is cut off or damaged: after {end:,} bytes there is no member and no end mark")


def _infos(path: Path, file: BinaryIO) -> Iterator[tarfile.TarInfo]:
    try:
        with tarfile.open(fileobj=file, mode="r:", encoding="utf-8") as archive:
            yield from archive
    except Exception as error:  # tarfile answers broken bytes with whatever its parsing ran into
        raise DataError(f"{path}: is no tar archive that can be read, or is cut off: {error}") from None
