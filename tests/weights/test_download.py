"""Fetching, against a server on this machine."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.weights.stand_in import StandIn, stand_in

from foveal.errors import ModelError, UsageError
from foveal.weights.download import check_address, fetched, without_secrets

BODY = bytes(range(256)) * 40
SHA = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def server() -> Iterator[StandIn]:
    with stand_in() as told:
        told.files["/a/net.pth"] = BODY
        yield told


def take(server: StandIn, folder: Path, path: str = "/a/net.pth", *, sha256: str = SHA) -> Path:
    return fetched(server.address + path, sha256=sha256, folder=folder, say=lambda _: None)


def test_a_file_is_fetched_once(server: StandIn, tmp_path: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        path = fetched(f"{server.address}/a/net.pth", sha256=SHA.upper(), folder=tmp_path / "new", say=said.append)
        assert path.read_bytes() == BODY
    assert said == [f"fetching {server.address}/a/net.pth into {tmp_path / 'new'}"]
    assert len(server.asked) == 1
    assert path.name == f"{SHA[:16]}-net.pth"
    assert not list(path.parent.glob("*.part"))


def test_the_first_digits_will_do(server: StandIn, tmp_path: Path) -> None:
    assert take(server, tmp_path, sha256=SHA[:8]).read_bytes() == BODY


def test_a_damaged_file_in_the_folder_is_fetched_again(server: StandIn, tmp_path: Path) -> None:
    path = take(server, tmp_path)
    path.write_bytes(BODY[:-1] + b"x")
    assert take(server, tmp_path).read_bytes() == BODY
    assert len(server.asked) == 2


def test_a_broken_transfer_goes_on(server: StandIn, tmp_path: Path) -> None:
    server.break_after = [1000, 2000]
    assert take(server, tmp_path).read_bytes() == BODY
    assert [wanted for _, wanted in server.asked] == [None, "bytes=1000-", "bytes=3000-"]


def test_a_server_that_only_knows_whole_files_starts_again(server: StandIn, tmp_path: Path) -> None:
    server.break_after, server.ranges = [1000], False
    assert take(server, tmp_path).read_bytes() == BODY
    assert [wanted for _, wanted in server.asked] == [None, "bytes=1000-"]


def test_what_came_is_kept_for_the_next_call(server: StandIn, tmp_path: Path) -> None:
    server.break_after = [1000, 0, 500]
    with pytest.raises(ModelError, match="broke off 3 times; 1,500 bytes are kept, and the same command goes on"):
        take(server, tmp_path)
    assert take(server, tmp_path).read_bytes() == BODY
    assert server.asked[-1][1] == "bytes=1500-"


def test_the_beginning_of_another_file_is_dropped(server: StandIn, tmp_path: Path) -> None:
    part = tmp_path / f"{SHA[:16]}-net.pth.part"
    part.write_bytes(b"x" * 100)
    assert take(server, tmp_path).read_bytes() == BODY
    part.write_bytes(b"x" * (len(BODY) + 1))
    (tmp_path / f"{SHA[:16]}-net.pth").unlink()
    assert take(server, tmp_path).read_bytes() == BODY


def test_a_wrong_hash_keeps_nothing(server: StandIn, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"its SHA-256 is {SHA}, but {'0' * 64} was expected"):
        take(server, tmp_path, sha256="0" * 64)
    assert [path.suffix for path in tmp_path.iterdir()] in ([], [".lock"])


def test_404(server: StandIn, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"/b\.pth: the server answers 404 \(Not Found\)"):
        take(server, tmp_path, "/b.pth")


def test_no_network(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"can't be reached: .*; without a network give a file: --weights FILE"):
        fetched("http://127.0.0.1:1/net.pth", sha256=SHA, folder=tmp_path, say=lambda _: None)


@pytest.mark.parametrize("address", ["http://example.org/a.pth", "ftp://localhost/a.pth", "file:///etc/passwd"])
def test_only_https_and_this_machine(address: str, server: StandIn, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected an https:// address"):
        check_address(address)
    server.redirects["/moved.pth"] = address
    with pytest.raises((UsageError, ModelError)):
        take(server, tmp_path, "/moved.pth")
    check_address("https://example.org/a.pth")


def test_a_redirect_is_followed(server: StandIn, tmp_path: Path) -> None:
    server.redirects["/moved.pth"] = f"{server.address}/a/net.pth"
    assert take(server, tmp_path, "/moved.pth").read_bytes() == BODY


def test_secrets_are_not_said() -> None:
    assert without_secrets("https://me:pass@host:8/a/b.pth?key=1#x") == "https://host:8/a/b.pth"
