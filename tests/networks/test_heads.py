"""The contract of every network's own head: an embedding, and a classifier that reads it."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from foveal.networks import NETWORKS, NetworkSpec
from foveal.networks.backbone import Backbone, Features, check_images
from foveal.networks.build import Network, build_backbone, build_network
from foveal.networks.head import Head
from foveal.tasks import make_task

STATE_DICTS = json.loads((Path(__file__).parent / "state_dicts.json").read_text(encoding="utf-8"))
"""By network, a digest of its tensors' names and shapes: model files and published weights have them."""
DIMENSIONS = {
    "lenet5": 84,
    "alexnet": 4096,
    "vgg11": 4096,
    "googlenet": 1024,
    "resnet18": 512,
    "resnet50_d": 2048,
    "resnet18_d_half": 256,
    "resnet20_cifar": 64,
    "fastnet": 256,
}
ONE_OF_EACH_HEAD = ("lenet5", "alexnet", "vgg11", "googlenet", "resnet20_cifar", "fastnet")


@pytest.fixture(params=NETWORKS)
def spec(request: pytest.FixtureRequest) -> NetworkSpec:
    return NETWORKS[request.param]


def features_of(spec: NetworkSpec, backbone: Backbone) -> Features:
    """Of two images that are not square."""
    side = spec.needs.min_size
    features: Features = backbone.eval()(torch.randn(2, spec.in_channels, side, side + 9))
    return features


def test_an_embedding_has_its_dimension_and_becomes_logits(spec: NetworkSpec) -> None:
    with torch.device("meta"):
        backbone = build_backbone(spec.name)
        head = backbone.head(3).eval()
        features = features_of(spec, backbone)
        embeddings = head.embed(features)
        logits = head.classifier(embeddings)
    assert isinstance(head, Head)
    assert embeddings.shape == (2, head.embedding_dim)
    assert logits.shape == head(features)["logits"].shape == (2, 3)
    assert head.embedding_dim == DIMENSIONS.get(spec.name, head.embedding_dim)


@pytest.mark.parametrize("name", ONE_OF_EACH_HEAD)
@pytest.mark.parametrize("training", [False, True])
def test_the_logits_are_the_classifiers_of_the_embedding(name: str, training: bool) -> None:
    torch.manual_seed(0)
    backbone = build_backbone(name)
    head = backbone.head(3).train(training)
    with torch.no_grad():
        features = features_of(NETWORKS[name], backbone)
        torch.manual_seed(1)  # of dropout
        logits = head(features)["logits"]
        torch.manual_seed(1)
        assert torch.equal(head.classifier(head.embed(features)), logits)
    assert not torch.equal(logits[0], logits[1])


def test_the_tensors_have_the_names_and_shapes_that_files_have(spec: NetworkSpec) -> None:
    with torch.device("meta"):
        network = build_network(spec.name)
    lines = [f"{name} {list(value.shape)}" for name, value in network.state_dict().items()]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] == STATE_DICTS[spec.name]


def test_the_classifier_is_no_second_name_of_its_weights() -> None:
    head = build_backbone("resnet20_cifar").head(3)
    assert head.classifier is head.fc
    assert list(head.state_dict()) == ["fc.weight", "fc.bias"]


class _Means(Backbone):
    """Somebody's own backbone, whose head gives outputs and no embedding."""

    in_channels, min_size, stages = 3, 1, ()

    def forward(self, images: Tensor) -> Features:
        check_images(self, images)
        return {"means": images.mean(dim=(2, 3))}

    def head(self, num_classes: int) -> nn.Module:  # type: ignore[override]
        return _MeansHead(num_classes)


class _MeansHead(nn.Module):
    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.fc = nn.Linear(3, num_classes)

    def forward(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {"logits": self.fc(features["means"])}


def test_a_backbone_of_ones_own_needs_no_embedding() -> None:
    network = make_task("classify", ("a", "b"), {}).learning.build(_Means())
    assert isinstance(network, Network)
    assert network(torch.randn(2, 3, 8, 11))["logits"].shape == (2, 2)
