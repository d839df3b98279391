"""A network's name → what is known of it: the only way from one to the other. Importing it loads no torch."""

from collections.abc import Callable

from foveal.errors import ModelError, did_you_mean
from foveal.networks.index import NETWORKS
from foveal.networks.spec import OWN_MODULE, Needs, NetworkSpec

CUSTOM = "custom"  # what a user's own module is called, which no name can rebuild

Source = Callable[[str], NetworkSpec | None]
"""A name → its spec; None for a name that is none of the source's own. Of its own it may raise ModelError."""

SOURCES: tuple[Source, ...] = (NETWORKS.get,)
"""Asked in this order. A family of names that begin alike, such as another library's, is one more of them."""


def network_spec(name: str) -> NetworkSpec:
    """What the name stands for; a ModelError that lists close matches where no source knows it."""
    for source in SOURCES:
        spec = source(name)
        if spec is not None:
            return spec
    raise ModelError(f"no network is named {name!r}; {did_you_mean(name, NETWORKS)}")


def needs_of(name: str) -> Needs:
    """What the network of this name needs, or a user's own module, which is `CUSTOM`. Raises ModelError."""
    return OWN_MODULE if name == CUSTOM else network_spec(name).needs
