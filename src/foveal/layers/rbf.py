"""LeNet-5's output: the distance to a fixed code of ±1 for each class."""

import numpy as np
import torch
from torch import Tensor, nn

CODE_LENGTH = 84  # 7 × 12, the units of F6

# In the manner of LeCun et al. 1998, Figure 3: stylised characters of 7×12, two dots a stroke, the lower two rows
# left to descenders. Differs: drawn by us, so single dots are not the authors' own.
DIGIT_BITMAPS = """
..###..  ...##..  .#####.  #######  ##...##  #######  ..####.  #######  .#####.  .#####.
.##.##.  ..###..  ##...##  .....##  ##...##  ##.....  .##....  .....##  ##...##  ##...##
##...##  .####..  .....##  ....##.  ##...##  ##.....  ##.....  .....##  ##...##  ##...##
##...##  ...##..  .....##  ...##..  ##...##  ##.....  ##.....  ....##.  ##...##  ##...##
##...##  ...##..  ....##.  ..####.  ##...##  ######.  ######.  ...##..  .#####.  ##..###
##...##  ...##..  ...##..  .....##  #######  .....##  ###..##  ...##..  ##...##  .######
##...##  ...##..  ..##...  .....##  .....##  .....##  ##...##  ..##...  ##...##  .....##
##...##  ...##..  .##....  .....##  .....##  .....##  ##...##  ..##...  ##...##  .....##
.##.##.  ...##..  ##.....  ##...##  .....##  ##...##  ##...##  ..##...  ##...##  ....##.
..###..  .######  #######  .#####.  .....##  .#####.  .#####.  ..##...  .#####.  .####..
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
"""


class EuclideanRBF(nn.Module):
    """Squared distances to the classes' codes: y_k = Σ_i (x_i - w_ki)², (B, I) -> (B, K).

    LeCun et al. 1998, equation 7. The codes (K, I) are a buffer: saved with the network and never trained.
    """

    codes: Tensor

    def __init__(self, codes: Tensor) -> None:
        super().__init__()
        self.register_buffer("codes", codes)

    def forward(self, x: Tensor) -> Tensor:
        return (x[:, None] - self.codes).square().sum(dim=-1)

    def extra_repr(self) -> str:
        return f"{self.codes.shape[1]}, {self.codes.shape[0]}"


def output_codes(num_classes: int) -> Tensor:
    """The fixed ±1 codes of LeNet-5's output, (K, 84): bitmaps for ten classes, else `separated_codes`."""
    return digit_codes() if num_classes == 10 else separated_codes(num_classes)


def digit_codes() -> Tensor:
    """The ten bitmaps as codes, (10, 84), row by row; a dot of ink is +1."""
    rows = [line.split() for line in DIGIT_BITMAPS.strip().splitlines()]
    bitmaps = ["".join(row[digit] for row in rows) for digit in range(10)]
    return torch.tensor([[1.0 if dot == "#" else -1.0 for dot in bitmap] for bitmap in bitmaps])


def separated_codes(num_classes: int) -> Tensor:
    """±1 codes far from each other for any number of classes, (K, 84); always the same ones.

    The first 84 are the rows of a Hadamard matrix, any two of which differ in exactly 42 places (no set of
    this size can do better), the next 84 their negatives; then the best of 64 seeded random draws each.
    """
    hadamard = _paley_hadamard(CODE_LENGTH - 1)
    codes = np.concatenate([hadamard, -hadamard])[:num_classes]
    rng = np.random.default_rng(1998)
    while len(codes) < num_classes:
        draws = rng.choice(np.array([-1.0, 1.0]), size=(64, CODE_LENGTH))
        nearest = (draws @ codes.T).max(axis=1)  # the larger the product, the smaller the distance
        codes = np.concatenate([codes, draws[[nearest.argmin()]]])
    return torch.tensor(codes.tolist())


def _paley_hadamard(prime: int) -> np.ndarray:
    """A Hadamard matrix of order `prime` + 1, for a prime that is 3 modulo 4 (Paley 1933, construction I)."""
    squares = {i * i % prime for i in range(1, prime)}
    quadratic = np.array([0.0, *(1.0 if i in squares else -1.0 for i in range(1, prime))])
    index = np.arange(prime)
    matrix = np.ones((prime + 1, prime + 1))
    matrix[1:, 1:] = quadratic[(index[:, None] - index[None, :]) % prime] - np.eye(prime)
    matrix[1:, 0] = 1.0
    matrix[0, 1:] = 1.0
    return matrix
