"""Batch norm folded into convolutions where one follows the other for certain, and left alone elsewhere."""

import torch
from torch import Tensor, nn

from foveal.inference.engines.eager import folded, in_bfloat16


class Own(nn.Module):
    """A user's network with all that must not be folded: a shared convolution, a norm of the batch, one called apart,
    and a row that is run backwards."""

    def __init__(self) -> None:
        super().__init__()
        shared = nn.Conv2d(4, 4, 3, padding=1)
        self.first = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU())
        self.left = nn.Sequential(shared, nn.BatchNorm2d(4))
        self.right = nn.Sequential(shared, nn.BatchNorm2d(4))
        self.of_batch = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4, track_running_stats=False))
        self.backwards = Backwards(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
        self.conv, self.norm = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)

    def forward(self, images: Tensor) -> Tensor:
        x = self.of_batch(self.left(x := self.first(images)) + self.right(x))
        return self.norm(torch.relu(self.conv(self.backwards(x)))).mean(dim=(2, 3))


class Backwards(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        for module in reversed(self):
            x = module(x)
        return x


def made() -> tuple[Own, Tensor]:
    torch.manual_seed(0)
    network = Own()
    images = torch.randn(8, 3, 12, 15)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias)
    for _ in range(5):
        network.train()(images * 2 + 1)
    return network.eval(), images


def test_folding_a_network_of_ones_own() -> None:
    network, images = made()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    other = folded(network)
    with torch.inference_mode():
        assert torch.allclose(other(images), network(images), rtol=1e-4, atol=1e-5)
    assert sum(isinstance(module, nn.BatchNorm2d) for module in network.modules()) == 6
    assert sum(isinstance(module, nn.BatchNorm2d) for module in other.modules()) == 3
    after = network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_bfloat16_takes_in_what_autocast_computes_in_it() -> None:
    network, images = made()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        expected = folded(network)(images)
        outputs = in_bfloat16(folded(network))(images)
    assert torch.equal(outputs, expected)
