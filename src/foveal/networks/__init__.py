"""Networks by name. Importing this loads no torch; `foveal.networks.build` makes the modules."""

from foveal.networks.index import NETWORKS
from foveal.networks.lookup import CUSTOM, needs_of, network_spec
from foveal.networks.spec import Needs, NetworkSpec, RateFamily, StageSpec

__all__ = ["CUSTOM", "NETWORKS", "Needs", "NetworkSpec", "RateFamily", "StageSpec", "needs_of", "network_spec"]
