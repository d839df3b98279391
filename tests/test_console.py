"""What training says while it works."""

import pytest

from foveal.console import TrainingDisplay
from foveal.events import Planned


def test_a_plan_is_told_again_only_where_it_differs_noticeably(capsys: pytest.CaptureFixture[str]) -> None:
    with TrainingDisplay() as display:
        for step, total_steps in enumerate((1000, 1040, 960, 1060, 1010, 1000)):
            reason = "to end within the time given" if step else "at the start"
            display.show(Planned(step=step, total_steps=total_steps, steps_per_epoch=10, reason=reason))
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("plan ")]
    assert [line.split(":")[1].split()[0] for line in told] == ["1,000", "1,060", "1,000"]
