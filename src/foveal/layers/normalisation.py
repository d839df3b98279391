"""Local response normalisation with the paper's constants."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LocalResponseNorm(nn.Module):
    """Each value divided by (k + α Σ a²)^β, the sum running over `size` neighbouring maps.

    (B, C, H, W) -> (B, C, H, W). Krizhevsky et al. 2012, section 3.3. `torch.nn.LocalResponseNorm` divides α
    by `size`; here α is the paper's. Computed in float32 at least: in bfloat16 the sum would vanish beside k.
    """

    def __init__(self, *, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, maps: Tensor) -> Tensor:
        exact = maps.to(torch.promote_types(maps.dtype, torch.float32))
        normed = F.local_response_norm(exact, self.size, self.alpha * self.size, self.beta, self.k)
        return normed.to(maps.dtype)

    def extra_repr(self) -> str:
        return f"size={self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
