"""What the tasks that tell something of a whole image share: the paper's own head, and its auxiliary outputs."""

from collections.abc import Callable

from torch import Tensor, nn

from foveal.networks.build import Network
from foveal.tasks.task import Outputs

AUX_WEIGHT = 0.3  # of each auxiliary output's loss (Szegedy et al. 2014, arXiv:1409.4842, section 5)
Loss = Callable[[Tensor, Tensor], Tensor]
"""(outputs, targets), both (B, K) -> the mean over the batch."""


def build(num_outputs: int, backbone: nn.Module) -> nn.Module:
    """The backbone with its head of so many outputs."""
    return Network(backbone, backbone.head(num_outputs))  # type: ignore[operator]


def loss_terms(loss: Loss, outputs: Outputs, targets: Tensor) -> dict[str, Tensor]:
    """The loss of "logits", and of each auxiliary output that there is in training."""
    terms = {"loss": loss(outputs["logits"], targets)}
    for name, logits in outputs.items():
        if name.startswith("aux"):
            terms[name] = AUX_WEIGHT * loss(logits, targets)
    return terms
