"""The run folder: made once, held by one process, its log cut back to a step."""

import json
from pathlib import Path

import pytest

from foveal.errors import RunError
from foveal.runs import RunFolder, cut_events, in_use, new_run, open_run, read_config, read_events


def test_a_new_run_never_overwrites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    assert new_run(tmp_path / "empty", "x").path == tmp_path / "empty"
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="is not an empty folder"):
        new_run(tmp_path / "file", "x")
    monkeypatch.chdir(tmp_path)
    made = new_run(None, "cats-resnet18")
    assert made.path.parent == Path("runs")
    assert made.path.name.startswith("cats-resnet18-2")
    assert new_run(None, "cats-resnet18").path != made.path  # in the same second


def test_one_process_at_a_time(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    with in_use(run), pytest.raises(RunError, match="another process is training"), in_use(run):
        pass
    with in_use(run):
        pass


def test_the_log_is_cut_back_and_survives_half_a_line(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert read_events(run) == []
    rows = [{"event": "step", "step": step} for step in (1, 2, 3, 4)]
    run.events.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"event": "st')
    assert read_events(run) == rows
    cut_events(run, 2)
    assert run.events.read_text() == "".join(json.dumps(row) + "\n" for row in rows[:2])


def test_what_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run to resume here"):
        open_run(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(RunError, match='it has no "settings"'):
        read_config(tmp_path / "config.json")
    (tmp_path / "config.json").write_text("not json")
    with pytest.raises(RunError, match=r"can't be read as a run's config\.json"):
        read_config(tmp_path / "config.json")


def test_a_fresh_run_takes_no_others_folder_and_leaves_none_empty(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    with in_use(run, fresh=True):
        pass
    assert not run.path.exists()
    with in_use(run, fresh=True):
        run.config.write_text("{}")
    with pytest.raises(RunError, match="another process has started a run here"), in_use(run, fresh=True):
        pass
    assert run.config.exists()


def test_a_killed_start_can_be_started_again(tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()
    assert new_run(tmp_path, "x").path == tmp_path


def test_a_resumed_run_takes_its_end_back(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    rows = [{"event": event, "step": 2} for event in ("checkpoint", "stopped", "finished")]
    run.events.write_text("".join(json.dumps(row) + "\n" for row in rows))
    cut_events(run, 2)
    assert read_events(run) == rows[:1]


def test_a_step_of_an_older_log_has_its_accuracy_among_the_figures(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    old = [{"event": "step", "step": 1, "accuracy": 0.5}, {"event": "step", "step": 2, "accuracy": None}]
    now = {"event": "step", "step": 3, "figures": {"accuracy": 0.75}}
    run.events.write_text("".join(json.dumps(each) + "\n" for each in [*old, now]), encoding="utf-8")
    assert [each["figures"] for each in read_events(run)] == [{"accuracy": 0.5}, {}, {"accuracy": 0.75}]
    cut_events(run, 2)
    assert "accuracy" not in json.loads(run.events.read_text(encoding="utf-8").splitlines()[0])
