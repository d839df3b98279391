"""Where weights come from: a file, an address with its hash, or the published ones of ImageNet."""

from collections.abc import Callable
from dataclasses import dataclass

from foveal.errors import ModelError
from foveal.files import cache_folder
from foveal.networks import network_spec
from foveal.runs import model_path
from foveal.weights import published
from foveal.weights.download import fetched, file_sha256, without_secrets
from foveal.weights.files import Weights, read_weights

IMAGENET = "imagenet"
_OF_A_RUN = "model.safetensors"  # every run's file is called so: its folder says more


@dataclass(frozen=True, kw_only=True)
class Opened:
    """Weights, and where they came from."""

    weights: Weights
    source: str
    """In words, without a folder or a secret."""
    sha256: str
    licence: str


def open_weights(given: str, *, sha256: str | None, network: str | None, say: Callable[[str], None]) -> Opened:
    """The weights at `given`: a path, a run folder, an https:// address, or `IMAGENET`; what is fetched stays in the
    cache folder.

    sha256: in hex; an address needs it, a file is checked by it. network: the one whose published weights are meant;
    None takes the smallest. Raises UsageError and ModelError.
    """
    folder, licence = cache_folder() / "weights", ""
    if given == IMAGENET:
        network_spec(network or published.DEFAULT)  # a name that doesn't exist is that, and no network without weights
        address, digits = published.published(network or published.DEFAULT)
        path = fetched(address, sha256=digits, folder=folder, say=say)
        source, licence = f"{IMAGENET}, {address.rpartition('/')[2]}", published.LICENCE
    elif is_address(given):
        assert sha256 is not None
        path, source = fetched(given, sha256=sha256, folder=folder, say=say), without_secrets(given)
    else:
        path = model_path(given)
        source = f"{path.absolute().parent.name}/{path.name}" if path.name == _OF_A_RUN else path.name
    if not path.is_file():
        raise ModelError(f"{path}: no such file of weights")
    found = file_sha256(path)
    if sha256 is not None and found != sha256.lower():
        raise ModelError(f"{path}: its SHA-256 is {found}, but {sha256} was expected: it is another file")
    return Opened(weights=read_weights(path), source=source, sha256=found, licence=licence)


def is_address(given: str) -> bool:
    """Whether it is an address of the web and no path."""
    return "://" in given
