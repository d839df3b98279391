"""What an archive may hold: files and folders under plain names, in sizes that can be meant. All else is refused."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from foveal.errors import DataError
from foveal.read.names import JUNK

MAX_MEMBERS = 2_000_000
MAX_MEMBER_BYTES = 2 * 2**30
"""One member is read into memory whole."""
MAX_TOTAL_BYTES = 2**40
MAX_RATIO = 200
"""Unpacked over packed bytes of the whole archive; photographs hardly shrink, text to a tenth."""
SMALL_BYTES = 64 * 2**20
"""An archive that unpacks to less than this may have any ratio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A member as its archive states it, not yet trusted."""

    name: str
    kind: str
    """"file", "folder", or what else it is, in words that finish the sentence "NAME is …"."""
    offset: int
    """Of its bytes (of its local header in a zip) in the archive."""
    packed_bytes: int
    size_bytes: int
    method: int = 0
    """How a zip packs it; 0 as it is."""
    crc: int | None = None
    """Of its bytes unpacked, where the archive has one."""


@dataclass(frozen=True, slots=True)
class Members:
    """An archive's members that were found to be harmless."""

    files: dict[str, Entry]
    """By path below the archive, with forward slashes."""
    folders: dict[str, list[str]]
    """Of each folder the names in it; "" is the archive itself."""
    ignored: tuple[str, ...]
    """Files that are hidden or that systems leave behind (`JUNK`)."""


def members_of(archive: Path, entries: Iterable[Entry], *, size_bytes: int) -> Members:
    """The members of an archive whose file has `size_bytes`. Raises DataError at the first that is refused."""
    files: dict[str, Entry] = {}
    folders: dict[str, list[str]] = {"": []}
    ignored: dict[str, None] = {}
    total = 0
    for count, entry in enumerate(entries, start=1):
        if count > MAX_MEMBERS:
            raise DataError(f"{archive}: holds over {MAX_MEMBERS:,} members; unpack it and read the folder")
        parts = _checked_parts(archive, entry)
        if not parts:
            continue  # "./", the archive's own root
        total += entry.size_bytes
        _check_sizes(archive, entry, total, size_bytes)
        path = "/".join(parts)
        if path in files or path in ignored or (entry.kind == "file" and path in folders):
            raise DataError(f"{archive}: {path} is in it twice; pack it again with every name once")
        if _is_junk(parts):
            if entry.kind == "file":
                ignored[path] = None
            continue
        inner = parts if entry.kind == "folder" else parts[:-1]
        _add_folders(archive, inner, files, folders)
        if entry.kind == "file":
            files[path] = entry
            folders["/".join(inner)].append(parts[-1])
    return Members(files, folders, tuple(ignored))


def _checked_parts(archive: Path, entry: Entry) -> tuple[str, ...]:
    """The names that lead to a member. A backslash separates, as it would on Windows."""
    name = entry.name.replace("\\", "/")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if name.startswith("/") or ".." in parts or "\0" in name or name[1:2] == ":":
        raise DataError(f"{archive}: {entry.name!r} is no path inside it; pack it again with paths from one folder on")
    if entry.kind not in ("file", "folder"):
        raise DataError(
            f"{archive}: {entry.name} is {entry.kind}; of an archive only files and folders are read: "
            "pack it again with the files themselves"
        )
    return parts


def _check_sizes(archive: Path, entry: Entry, total: int, size_bytes: int) -> None:
    if min(entry.offset, entry.packed_bytes, entry.size_bytes) < 0 or entry.offset + entry.packed_bytes > size_bytes:
        raise DataError(
            f"{archive}: {entry.name} takes {entry.packed_bytes:,} bytes from byte {entry.offset:,} on, "
            f"the archive has {size_bytes:,}: it is cut off or damaged"
        )
    if entry.size_bytes > MAX_MEMBER_BYTES:
        raise DataError(
            f"{archive}: {entry.name} has {entry.size_bytes:,} bytes; at most {MAX_MEMBER_BYTES:,} are read"
        )
    if total > MAX_TOTAL_BYTES:
        raise DataError(f"{archive}: unpacks to over {MAX_TOTAL_BYTES:,} bytes; unpack it and read the folder")
    check_ratio(archive, total, size_bytes)


def check_ratio(archive: Path, unpacked_bytes: int, size_bytes: int) -> None:
    """Raises DataError where an archive unpacks to far more than images and tables do."""
    if unpacked_bytes > max(SMALL_BYTES, MAX_RATIO * size_bytes):
        raise DataError(
            f"{archive}: {size_bytes:,} bytes that unpack to over {MAX_RATIO} times as many are no data set "
            "that is read; unpack it and read the folder, if you trust it"
        )


def _is_junk(parts: tuple[str, ...]) -> bool:
    return any(part.startswith(".") or part.casefold() in JUNK for part in parts)


def _add_folders(archive: Path, parts: tuple[str, ...], files: dict[str, Entry], folders: dict[str, list[str]]) -> None:
    """Notes a folder and those it lies in, of which an archive need not tell."""
    for depth in range(len(parts), 0, -1):
        path = "/".join(parts[:depth])
        if path in folders:
            break
        if path in files:
            raise DataError(f"{archive}: {path} is a file and a folder; pack it again with every name once")
    else:
        depth = 0
    for deeper in range(depth, len(parts)):
        folders["/".join(parts[:deeper])].append(parts[deeper])
        folders["/".join(parts[: deeper + 1])] = []
