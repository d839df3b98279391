"""Initial weights that `torch.nn.init` lacks."""

import torch
from torch import Tensor, nn


def lecun_uniform_(weights: Tensor, *, fan_in: int) -> Tensor:
    """`weights`, filled in place from the uniform distribution on ±2.4 / fan_in.

    LeCun et al. 1998, "Gradient-based learning applied to document recognition", appendix A. Biases are
    weights there, drawn like the others of their unit.
    """
    bound = 2.4 / fan_in
    with torch.no_grad():
        return nn.init.uniform_(weights, -bound, bound)


def whitening_filters(images: Tensor, kernel_size: int, *, eps: float = 5e-4) -> Tensor:
    """Filters whose answers on patches of these images are uncorrelated and of variance 1, and their negatives.

    images: (B, C, H, W) -> (2·C·k², C, k, k) float32. Each is an eigenvector of the patches' second moments over the
    root of its eigenvalue plus `eps`, which keeps the noise of the last ones from being blown up. Page 2018, "How to
    train your ResNet", part 8; Jordan 2024, arXiv:2404.00498, section 3.1.
    """
    channels = images.shape[1]
    patches = nn.functional.unfold(images.float(), kernel_size).transpose(1, 2).flatten(0, 1)  # (patches, C·k²)
    variances, directions = torch.linalg.eigh(patches.T @ patches / len(patches))
    filters = (directions / (variances.clamp(min=0) + eps).sqrt()).T
    return torch.cat([filters, -filters]).unflatten(1, (channels, kernel_size, kernel_size))


def dirac_start(conv: nn.Conv2d) -> nn.Conv2d:
    """The convolution itself, whose first filters now pass one input map each on: what can be copied is copied.

    Zagoruyko & Komodakis 2017, arXiv:1706.00388; Jordan 2024, arXiv:2404.00498, section 3.3. The other filters stay.
    """
    with torch.no_grad():
        nn.init.dirac_(conv.weight[: conv.in_channels])
    return conv


def kaiming(module: nn.Module) -> None:
    """Kaiming normal weights over the fan-in and zero biases in a convolution or linear; for `Module.apply`.

    He et al. 2015, arXiv:1502.01852, equation 10. Other modules are left as they are.
    """
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
