"""What the head of every paper is: an embedding of the image, and a classifier that reads it."""

from collections.abc import Callable, Mapping

from torch import Tensor, nn


class Head(nn.Module):
    """Feature maps by name -> {"logits": (B, K)}; in training a subclass may add auxiliary outputs.

    A subclass sets `embedding_dim` and fills `embed` and `classifier`. K: classes; D: values of an embedding.
    """

    embedding_dim: int

    def embed(self, features: Mapping[str, Tensor]) -> Tensor:
        """What the classifier reads of each image, (B, D); in training with the paper's dropout."""
        raise NotImplementedError

    @property
    def classifier(self) -> Callable[[Tensor], Tensor]:
        """The last part: embeddings (B, D) -> logits (B, K); a module, but where an equation has more than one."""
        raise NotImplementedError

    def forward(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {"logits": self.classifier(self.embed(features))}
