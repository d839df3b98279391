"""Archives made for tests: of a folder, or member by member as no packer would."""

import io
import stat
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path


def pack(folder: Path, archive: Path, *, below: str = "") -> Path:
    """Packs the folder's files under `below` in the format that the archive's name ends in; folders have no members."""
    files = {f"{below}{file.relative_to(folder).as_posix()}": file for file in sorted(folder.rglob("*"))}
    files = {name: file for name, file in files.items() if file.is_file()}
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
            for name, file in files.items():
                opened.write(file, name)
        return archive
    modes = {"tar": "w", "gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}
    with tarfile.open(archive, modes[archive.suffix[1:]]) as tar:  # type: ignore[call-overload]
        for name, file in files.items():
            tar.add(file, name)
    return archive


def zip_of(archive: Path, members: Mapping[str, bytes], *, kind: int = stat.S_IFREG, method: int = 0) -> Path:
    """A zip of these members, all of the file type `kind`."""
    with zipfile.ZipFile(archive, "w", method) as opened:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (kind | 0o644) << 16
            info.compress_type = method
            opened.writestr(info, content)
    return archive


def tar_of(archive: Path, members: Sequence[tuple[str, bytes]], *, kind: bytes = tarfile.REGTYPE, to: str = "") -> Path:
    """A tar of these members, all of the type `kind`; links lead to `to`."""
    with tarfile.open(archive, "w") as opened:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, to, len(content)
            opened.addfile(info, io.BytesIO(content))
    return archive
