"""Zip archives: what they hold, and one member's bytes."""

import bz2
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from foveal.errors import DataError
from foveal.read.archive_members import Entry

_LOCAL_HEADER = b"PK\x03\x04"
_LOCAL_HEADER_BYTES = 30  # APPNOTE.TXT 6.3.10, section 4.3.7; then the name and an extra field, whose lengths end it
_KINDS = {0: "file", stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "a symbolic link"}
_ENCRYPTED = 1  # general purpose flag, bit 0
_UTF8 = 1 << 11


def zip_entries(path: Path) -> Iterator[Entry]:
    """The members as the central directory lists them. Raises DataError where there is none, and for a password."""
    for info in _directory(path):
        name = _name(info)
        if info.flag_bits & _ENCRYPTED:
            raise DataError(f"{path}: {name} is encrypted; pack it again without a password")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
            raise DataError(
                f"{path}: {name} is packed by zip's method {info.compress_type}; "
                "stored, deflated and bzip2 members are read: pack it again"
            )
        kind = _KINDS.get(stat.S_IFMT(info.external_attr >> 16), "a device or pipe")
        yield Entry(
            name=name,
            kind="folder" if kind == "file" and name.endswith("/") else kind,
            offset=info.header_offset,
            packed_bytes=info.compress_size,
            size_bytes=info.file_size,
            method=info.compress_type,
            crc=info.CRC,
        )


def read_zip_member(file: BinaryIO, entry: Entry) -> bytes:
    """The member's bytes, never more than it states. Raises OSError where they are damaged.

    Not by `zipfile`, whose one handle all threads would have to wait for.
    """
    file.seek(entry.offset)
    header = file.read(_LOCAL_HEADER_BYTES)
    if len(header) < _LOCAL_HEADER_BYTES or not header.startswith(_LOCAL_HEADER):
        raise OSError(f"the archive is damaged: {entry.name} is not where its directory says")
    file.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
    data = _unpacked(file.read(entry.packed_bytes), entry)
    if len(data) != entry.size_bytes or zlib.crc32(data) != entry.crc:
        raise OSError(f"the archive is damaged: {entry.name} has another checksum")
    return data


def _directory(path: Path) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.infolist()
    except Exception as error:  # zipfile answers broken bytes with whatever its parsing ran into
        raise DataError(f"{path}: is no zip archive that can be read, or is cut off: {error}") from None


def _name(info: zipfile.ZipInfo) -> str:
    """The whole name (`filename` ends at a null character); UTF-8 also where the flag for it is missing, as macOS
    writes it, which zipfile takes for code page 437."""
    if info.flag_bits & _UTF8:
        return info.orig_filename
    try:
        return info.orig_filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.orig_filename


def _unpacked(packed: bytes, entry: Entry) -> bytes:
    most = entry.size_bytes + 1  # one more, to see that there is none
    try:
        match entry.method:
            case zipfile.ZIP_DEFLATED:
                return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most)
            case zipfile.ZIP_BZIP2:
                return bz2.BZ2Decompressor().decompress(packed, most)
            case _:
                return packed
    except (zlib.error, OSError, ValueError) as error:
        raise OSError(f"the archive is damaged: {entry.name}: {error}") from None
