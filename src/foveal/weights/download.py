"""A file from the web, fetched once: whole and of the right hash, or not there."""

import hashlib
import http.client
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import filelock

import foveal
from foveal.errors import ModelError, UsageError

LOCAL = ("localhost", "127.0.0.1", "::1")
TRIES = 3
_SECONDS = 30.0  # without a byte
_CHUNK = 1 << 20


def fetched(url: str, *, sha256: str, folder: Path, say: Callable[[str], None]) -> Path:
    """The file at `url`, from `folder` where it lies already; `say` is called with the progress of a transfer.

    sha256: in hex, whole or its first digits; the file is checked against it each time. A transfer that breaks off is
    taken up where it stands, now or by the next call. Raises UsageError for an address that is neither https nor this
    machine's own, ModelError where the file can't be had.
    """
    check_address(url)
    name = f"{sha256[:16].lower()}-{Path(unquote(urlsplit(url).path)).name}"
    whole, part = folder / name, folder / f"{name}.part"
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / f"{name}.lock"):
        if whole.is_file() and _has(whole, sha256):
            return whole
        begun = part.is_file()
        say(f"{'going on with' if begun else 'fetching'} {without_secrets(url)} into {folder}")
        _transfer(url, part)
        if begun and not _has(part, sha256):  # it was begun by another file of that name
            part.unlink()
            _transfer(url, part)
        if not _has(part, sha256):
            found = file_sha256(part)
            part.unlink()
            raise ModelError(
                f"{without_secrets(url)}: its SHA-256 is {found}, but {sha256} was expected: it is another file, or "
                "damaged; nothing was kept"
            )
        part.replace(whole)
    return whole


def check_address(url: str) -> None:
    """Raises UsageError for an address that can't be trusted on its way: only https, and http on this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL):
        return
    raise UsageError(f"{without_secrets(url)}: expected an https:// address (http:// is for this machine's own)")


def without_secrets(url: str) -> str:
    """The address without a user, a password or a query, which may hold a key."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def file_sha256(path: Path) -> str:
    """In hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _has(path: Path, sha256: str) -> bool:
    return file_sha256(path).startswith(sha256.lower())


class _Redirects(HTTPRedirectHandler):
    """Follows none to an address that could not have been asked for."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage, newurl: str
    ) -> Request | None:
        check_address(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _transfer(url: str, part: Path) -> None:
    """Brings `part` to the file's whole length, in some tries. Raises ModelError."""
    for _ in range(TRIES):
        if _attempt(url, part):
            return
    size = part.stat().st_size if part.is_file() else 0
    raise ModelError(
        f"{without_secrets(url)}: the transfer broke off {TRIES} times; {size:,} bytes are kept, and the same command "
        "goes on from there"
    )


def _attempt(url: str, part: Path) -> bool:
    """Whether the transfer came to its end."""
    have = part.stat().st_size if part.is_file() else 0
    headers = {"User-Agent": f"foveal/{foveal.__version__}"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        answer = build_opener(_Redirects).open(Request(url, headers=headers), timeout=_SECONDS)
    except HTTPError as error:
        error.close()
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:  # what there is, is no part of that file
            part.unlink()
            return False
        raise ModelError(f"{without_secrets(url)}: the server answers {error.code} ({error.reason})") from None
    except (URLError, OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise ModelError(
            f"{without_secrets(url)}: can't be reached: {reason}; without a network give a file: --weights FILE"
        ) from None
    with answer:
        return _written(answer, part, have)


def _written(answer: Any, part: Path, have: int) -> bool:
    """Whether all that was announced has come; what has come is on the disk."""
    goes_on = answer.status == http.client.PARTIAL_CONTENT
    announced = answer.headers.get("Content-Length")
    left = None if announced is None else int(announced)
    with part.open("ab" if goes_on and have else "wb") as file:
        try:
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
                left = None if left is None else left - len(chunk)
        except (OSError, http.client.HTTPException):
            return False
        finally:
            file.flush()
            os.fsync(file.fileno())
    return not left
