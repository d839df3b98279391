"""What `foveal.predict` gives for each image: an answer, or why there is none."""

from dataclasses import dataclass
from typing import Any

from foveal.answers.answer import Answer


@dataclass(frozen=True, eq=False)
class Predicted:
    """An image's answer."""

    path: str
    answer: Answer

    def to_json(self) -> dict[str, Any]:
        """Plain values: {"path", …}."""
        return {"path": self.path, **self.answer.to_json()}


@dataclass(frozen=True)
class Failed:
    """An image that can't be read."""

    path: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        """{"path", "error"}."""
        return {"path": self.path, "error": self.reason}


Outcome = Predicted | Failed
