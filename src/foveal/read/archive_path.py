"""Archives as folders: a Path whose files are members of a zip or tar, read one by one and never unpacked to disk.

Readers and decoders call what they call on any Path. What goes past these methods to the system (`os.open`, a library
that takes a name) finds a file where a folder should be, and says so.
"""

import os
import stat
from collections.abc import Callable, Generator
from dataclasses import dataclass
from errno import EROFS
from fnmatch import fnmatchcase
from functools import partial
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from foveal.read.archive_members import Entry, Members, members_of
from foveal.read.names import split_of
from foveal.read.tars import tar_entries, unpacked
from foveal.read.zips import read_zip_member, zip_entries

ZIP_SUFFIXES = (".zip",)
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")

if TYPE_CHECKING:
    _Path = Path
else:
    _Path = type(Path())  # before Python 3.12 only the system's own class can be subclassed


@dataclass(frozen=True, slots=True)
class _Archive:
    path: Path
    status: os.stat_result
    """Of the archive's file when it was opened."""
    members: Members
    read: Callable[[Entry], bytes]
    """A member's bytes. Any number of threads may ask: each reads through a handle of its own."""


_OPENED: dict[Path, _Archive] = {}
"""What this process has opened. A path says by its beginning which it belongs to: it can't hold more than its name."""


def is_archive(path: Path) -> bool:
    """Whether a file is named like an archive that is read."""
    return path.name.lower().endswith(ZIP_SUFFIXES + TAR_SUFFIXES) and path.is_file()


def open_archive(path: Path) -> "ArchivePath":
    """The archive as a folder; the same one again where the file has not changed.

    Raises DataError for what can't be read and for whatever `members_of` refuses.
    """
    status = path.stat()
    known = _OPENED.get(path)
    if known is None or _stamp(known.status) != _stamp(status):
        _OPENED[path] = _opened(path, status)
    return ArchivePath(path)


def file_named(text: str) -> Path:
    """The file of that name: a member, where the name leads into an archive that was opened."""
    inside = ArchivePath(text)
    return inside if inside.exists() else Path(text)


def data_folder(root: "ArchivePath") -> "ArchivePath":
    """The folder inside that holds the data: one that all else lies in, and that is no split, is looked through."""
    inside = list(root.iterdir())
    if len(inside) == 1 and inside[0].is_dir() and split_of(inside[0].name) is None:
        return data_folder(inside[0])
    return root


class ArchivePath(_Path):
    """A file or folder in an archive that `open_archive` has opened. There is nothing to write to, and are no links."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Callable[[Path, str], "ArchivePath"], tuple[Path, str]]:
        return _sent, (self._place()[0].path, str(self))

    @property
    def ignored(self) -> tuple[str, ...]:
        """The archive's files that nobody asked for (`Members.ignored`)."""
        return self._place()[0].members.ignored

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """A member's size, and the time of the archive, with which all in it may have changed."""
        archive, name = self._place()
        entry = archive.members.files.get(name)
        if entry is None and name not in archive.members.folders:
            raise FileNotFoundError(f"{self}: there is no such member")
        mode = stat.S_IFDIR | 0o555 if entry is None else stat.S_IFREG | 0o444
        numbers = [mode, 0, 0, 1, 0, 0, 0 if entry is None else entry.size_bytes, *archive.status[7:10]]
        return os.stat_result(numbers, {"st_mtime_ns": archive.status.st_mtime_ns})

    def exists(self, *, follow_symlinks: bool = True) -> bool:
        return self.is_file() or self.is_dir()

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return self._is_in(lambda members: members.files)

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return self._is_in(lambda members: members.folders)

    def is_symlink(self) -> bool:
        return False

    def iterdir(self) -> Generator["ArchivePath", None, None]:
        archive, name = self._place()
        if name not in archive.members.folders:
            raise NotADirectoryError(f"{self}: is no folder in the archive")
        yield from (self / each for each in archive.members.folders[name])

    def glob(self, pattern: str) -> Generator["ArchivePath", None, None]:
        """Those directly in this folder whose name fits."""
        yield from (each for each in self.iterdir() if fnmatchcase(each.name, pattern))

    def read_bytes(self) -> bytes:
        archive, name = self._place()
        entry = archive.members.files.get(name)
        if entry is None:
            raise FileNotFoundError(f"{self}: there is no such file in the archive")
        return archive.read(entry)

    def read_text(self, encoding: str | None = None, errors: str | None = None, newline: str | None = None) -> str:
        with self.open(encoding=encoding, errors=errors, newline=newline) as file:
            return str(file.read())

    def open(  # type: ignore[override]
        self,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """The member in memory. Raises OSError for any mode that writes."""
        if mode not in ("r", "rt", "rb"):
            raise OSError(EROFS, "an archive is never written to", str(self))
        content = BytesIO(self.read_bytes())
        return content if mode == "rb" else TextIOWrapper(content, encoding or "utf-8", errors, newline)

    def _place(self) -> tuple[_Archive, str]:
        """The archive and the path in it. Raises FileNotFoundError for a path that leads into none."""
        text = str(self)
        for path, archive in tuple(_OPENED.items()):
            if text.startswith(str(path)):
                parts = self.parts
                depth = len(path.parts)
                if parts[:depth] == path.parts:
                    return archive, "/".join(parts[depth:])
        raise FileNotFoundError(f"{self}: lies in no archive that was opened")

    def _is_in(self, kind: Callable[[Members], dict[str, Any]]) -> bool:
        try:
            archive, name = self._place()
        except FileNotFoundError:  # an absolute path in a table, which leads out
            return False
        return name in kind(archive.members)


def _sent(archive: Path, path: str) -> ArchivePath:
    """A path that came from another process, which has its archive opened."""
    open_archive(archive)
    return ArchivePath(path)


def _opened(path: Path, status: os.stat_result) -> _Archive:
    if path.name.lower().endswith(ZIP_SUFFIXES):
        members = members_of(path, zip_entries(path), size_bytes=status.st_size)
        return _Archive(path, status, members, partial(_read_from_file, path, _stamp(status), read_zip_member))
    kept = unpacked(path)
    if kept is not None:
        members = members_of(path, tar_entries(path, kept), size_bytes=kept.getbuffer().nbytes)
        return _Archive(path, status, members, partial(_read_from_memory, kept))
    with path.open("rb") as file:
        members = members_of(path, tar_entries(path, file), size_bytes=status.st_size)
    return _Archive(path, status, members, partial(_read_from_file, path, _stamp(status), _read_stored))


def _read_from_file(
    path: Path, stamp: tuple[int, int], read: Callable[[BinaryIO, Entry], bytes], entry: Entry
) -> bytes:
    with path.open("rb") as file:
        if _stamp(os.fstat(file.fileno())) != stamp:
            raise OSError(f"{path} has changed since it was opened; start again")
        return read(file, entry)


def _read_stored(file: BinaryIO, entry: Entry) -> bytes:
    file.seek(entry.offset)
    data = file.read(entry.size_bytes)
    if len(data) != entry.size_bytes:
        raise OSError(f"the archive ends inside {entry.name}")
    return data


def _read_from_memory(kept: BytesIO, entry: Entry) -> bytes:
    return kept.getbuffer()[entry.offset : entry.offset + entry.size_bytes].tobytes()


def _stamp(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns
