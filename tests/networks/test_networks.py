"""The contract of every entry of NETWORKS."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from foveal.errors import ModelError
from foveal.networks import NETWORKS, NetworkSpec
from foveal.networks.build import Network, build_backbone, build_network

# These heads hold 55 to 124 million weights in three layers, so most tests leave them out.
LARGE_HEADS = {name for name in NETWORKS if name.startswith(("vgg", "alexnet"))}

# The others are these with other numbers: they run without values, on the meta device.
ONE_OF_EACH = (
    "lenet5",
    "alexnet",
    "alexnet_one_tower",
    "vgg11",
    "vgg11_bn",
    "googlenet",
    "googlenet_bn",
    "resnet18",
    "resnet50_v1",
    "resnet20_cifar",
    "fastnet",
)


@pytest.fixture(params=NETWORKS)
def spec(request: pytest.FixtureRequest) -> NetworkSpec:
    torch.manual_seed(0)
    return NETWORKS[request.param]


def small_network(spec: NetworkSpec) -> Network:
    """The network with three classes; a pooled linear classifier stands for a large head."""
    if spec.name not in LARGE_HEADS:
        return build_network(spec.name, 3)
    backbone = build_backbone(spec.name)
    return Network(backbone, _SmallHead(backbone))


class _SmallHead(nn.Module):
    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.fc = nn.Linear(backbone.stages[-1].channels if backbone.stages else 256, 3)

    def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"logits": self.fc(list(features.values())[-1].mean(dim=(2, 3)))}


def smallest_batch(spec: NetworkSpec) -> torch.Tensor:
    return torch.randn(2, spec.in_channels, spec.needs.min_size, spec.needs.min_size + 9)


def test_the_index_needs_no_torch() -> None:
    code = "import sys, foveal.networks; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_index_names_its_entries() -> None:
    assert [spec.name for spec in NETWORKS.values()] == list(NETWORKS)
    assert len(NETWORKS) == 31
    assert {spec.needs.loss for spec in NETWORKS.values()} == {"cross_entropy", "lenet5_map"}


def test_parameters(spec: NetworkSpec) -> None:
    with torch.device("meta"):
        network = build_network(spec.name)
    count = sum(p.numel() for p in network.parameters())
    assert count == spec.parameters + spec.auxiliary_parameters


def test_stages_and_logits(spec: NetworkSpec) -> None:
    with torch.device("meta"):
        network = build_network(spec.name, 7).eval()
        images = torch.empty(2, spec.in_channels, 224, 256)
    features = network.backbone(images)
    assert network.backbone.stages == spec.stages
    for stage in spec.stages:
        shape = (2, stage.channels, 224 // stage.stride, 256 // stage.stride)
        assert features[stage.name].shape == shape
    if spec.stages:
        declared = [stage.name for stage in spec.stages]
        assert [name for name in features if name in declared] == declared
        assert list(features)[-1] == declared[-1]
    outputs = network.head(features)
    assert list(outputs) == ["logits"]
    assert outputs["logits"].shape == (2, 7)


@pytest.mark.parametrize("name", ONE_OF_EACH)
@pytest.mark.parametrize("in_channels", [1, 3, 5, 16])
def test_any_number_of_channels(name: str, in_channels: int) -> None:
    side = NETWORKS[name].needs.min_size
    with torch.device("meta"):
        backbone = build_backbone(name, in_channels).eval()
        features = backbone(torch.empty(2, in_channels, side, side + 9))
    assert backbone.in_channels == in_channels
    assert all(len(maps) == 2 for maps in features.values())


def test_the_smallest_size_is_the_smallest(spec: NetworkSpec) -> None:
    with torch.device("meta"):
        network = build_network(spec.name, 2).eval()
        images = torch.empty(1, spec.in_channels, spec.needs.min_size, spec.needs.min_size)
        narrow = torch.empty(1, spec.in_channels, spec.needs.min_size + 1, spec.needs.min_size - 1)
    assert network.backbone.min_size == spec.needs.min_size
    assert network(images)["logits"].shape == (1, 2)
    with pytest.raises(ModelError, match=rf"at least {spec.needs.min_size}×{spec.needs.min_size} pixels; got "):
        network(narrow)


def test_backward_touches_every_parameter(spec: NetworkSpec) -> None:
    with torch.device("meta"):
        network = build_network(spec.name, 3)
        images = smallest_batch(spec)
    sum(logits.sum() for logits in network(images).values()).backward()
    learned = [(name, each) for name, each in network.named_parameters() if each.requires_grad]
    assert [name for name, parameter in learned if parameter.grad is None] == []


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_gradients_are_finite_and_somewhere_not_zero(name: str) -> None:
    torch.manual_seed(0)
    network = small_network(NETWORKS[name])
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)  # a gain of zero stops the gradient at first
    outputs = network(smallest_batch(NETWORKS[name]))
    sum(nn.functional.cross_entropy(logits, torch.tensor([0, 2])) for logits in outputs.values()).backward()
    for parameter_name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        assert parameter.grad.isfinite().all(), parameter_name
        assert parameter.grad.any(), parameter_name


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_an_item_alone_and_a_saved_copy_give_the_same(name: str) -> None:
    torch.manual_seed(0)
    network = small_network(NETWORKS[name])
    images = smallest_batch(NETWORKS[name])
    with torch.no_grad():
        network(images)  # moves the running statistics from where they start
        together = network.eval()(images)["logits"]
        alone = network(images[1:])["logits"]
        copy = small_network(NETWORKS[name]).eval()
        copy.load_state_dict(network.state_dict())
        torch.testing.assert_close(copy(images)["logits"], together, rtol=0, atol=0)
    torch.testing.assert_close(together[1:], alone, rtol=1e-4, atol=1e-4 * float(together.abs().max()))


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_bfloat16_and_channels_last(name: str) -> None:
    spec = NETWORKS[name]
    network = small_network(spec).to(memory_format=torch.channels_last)
    images = smallest_batch(spec).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = network(images)
    sum(logits.float().square().sum() for logits in outputs.values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters() if p.requires_grad)


@pytest.mark.parametrize("name", ["lenet5", "resnet18", "googlenet_bn", "alexnet"])
def test_networks_can_be_captured_as_a_graph(name: str) -> None:
    spec = NETWORKS[name]
    network = small_network(spec).eval()
    images = smallest_batch(spec)
    graph = torch.export.export(network, (images,)).module()
    with torch.no_grad():
        torch.testing.assert_close(graph(images)["logits"], network(images)["logits"])


def test_an_unknown_name_lists_close_ones() -> None:
    with pytest.raises(ModelError, match=r"no network is named 'resnet5'; did you mean resnet50"):
        build_backbone("resnet5")
    with pytest.raises(ModelError, match=r"no network is named 'q'; there are: lenet5, alexnet"):
        build_network("q", 2)


def test_wrong_counts_and_shapes_are_named() -> None:
    with pytest.raises(ModelError, match=r"lenet5 takes images of 1 to 16 channels; got in_channels=17"):
        build_backbone("lenet5", 17)
    with pytest.raises(ModelError, match=r"lenet5 needs at least one class; got num_classes=0"):
        build_network("lenet5", 0)
    network = build_network("lenet5", 2)
    with pytest.raises(ModelError, match=r"takes images with 1 channel\(s\); got 3, the shape \(2, 3, 32, 32\)"):
        network(torch.zeros(2, 3, 32, 32))
    with pytest.raises(ModelError, match=r"takes images \(B, 1, H, W\); got the shape \(1, 32, 32\)"):
        network(torch.zeros(1, 32, 32))


def test_the_caller_seeds_the_weights() -> None:
    torch.manual_seed(5)
    first = build_network("resnet20_cifar", 2).state_dict()
    torch.manual_seed(5)
    second = build_network("resnet20_cifar", 2).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_without_weights_nothing_is_drawn_and_the_compiler_not_loaded() -> None:
    code = (
        "import sys\n"
        "from foveal.networks import NETWORKS\n"
        "from foveal.networks.build import build_network, without_weights\n"
        "with without_weights():\n"
        "    networks = [build_network(name) for name in NETWORKS]\n"
        "assert all(each.is_meta for network in networks for each in network.parameters())\n"
        "assert not {'torch._dynamo', 'sympy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
