"""Every network of the index goes into a model file and comes back with the same outputs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.made import made_contract

from foveal.bundle import load_bundle, save_bundle
from foveal.contract import SEEN_HASHES
from foveal.device import place
from foveal.networks import NETWORKS
from foveal.networks.build import build_network

SMALL = [name for name, spec in NETWORKS.items() if spec.parameters < 30_000_000]


@pytest.mark.parametrize("name", SMALL)
def test_round_trip(name: str, tmp_path: Path) -> None:
    channels = NETWORKS[name].in_channels
    size = max(32, NETWORKS[name].needs.min_size)
    network = place(build_network(name, 3, channels).eval(), torch.device("cpu"))
    saved = made_contract(name, (size, size))
    hashes = np.array([1, 2**64 - 1], np.uint64)
    save_bundle(tmp_path / "model.safetensors", network, saved, {SEEN_HASHES: hashes})
    loaded = load_bundle(tmp_path / "model.safetensors")
    assert loaded.contract == saved
    assert np.array_equal(loaded.seen_hashes, hashes)
    images = torch.randn(2, channels, size, size)
    with torch.inference_mode():
        assert torch.equal(loaded.network(images)["logits"], network(images)["logits"])
    assert not any(each.is_meta for each in [*loaded.network.parameters(), *loaded.network.buffers()])
