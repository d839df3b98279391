"""How the run can be repeated and what it took: settings with their reasons, network, machine, times."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from foveal.augment.settings import AugmentSettings
from foveal.reporting.markup import Html, join, tag
from foveal.reporting.page import Column, Section, fold, note, table, titled
from foveal.reporting.words import count, duration, number_of, setting

MACHINE = {
    "processor": "Processor",
    "cores": "Cores",
    "threads": "Threads used",
    "memory_gib": "Memory, GiB",
    "gpu": "GPU",
    "system": "System",
    "python": "Python",
    "torch": "PyTorch",
}
OFF = {name: setting(value) for name, value in asdict(AugmentSettings()).items()}
STEPS = ("reading", "decoding", "training", "evaluation", "report")


def settings_section(config: Mapping, reasons: Mapping[str, str]) -> Section:
    """The section of settings: first those that come with a reason, then all others."""
    values = flat(config)
    chosen = [(name, _value(config, values, name), reason) for name, reason in reasons.items()]
    others = [
        (name, setting(value))
        for name, value in values.items()
        if name not in reasons and name.partition(".")[0] not in reasons
    ]
    parts = []
    if chosen:
        columns = [
            Column(title="setting", width="24%"),
            Column(title="value", width="22%"),
            Column(title="why"),
        ]
        parts.append(table(columns, chosen))
    if others:
        listed = tag("div", {"class": "settings"}, table([Column(title="setting"), Column(title="value")], others))
        parts.append(fold("All other settings", listed) if chosen else listed)
    words = "What was chosen, and why. A value given by hand goes before any rule; a dash means not used."
    return Section(anchor="settings", title="Settings and reasons", short="Settings", body=join(note(words), *parts))


def machine_section(network: Mapping, machine: Mapping, times: Mapping[str, float]) -> Section:
    """The section on the network, the machine and the time."""
    paper = [str(network[key]) for key in ("title", "paper") if network.get(key)] if network.get("paper") else []
    architecture = [
        ("Network", network["name"]),
        ("Paper", ". ".join(paper)),
        ("Parameters", count(network.get("parameters"))),
        ("Multiply-adds of an image", count(network.get("multiply_adds"))),
        ("Weights saved", network.get("chosen")),
    ]
    names = [
        *(name for name in MACHINE if name in machine),
        *(name for name in machine if name not in MACHINE),
    ]
    computer = [(MACHINE.get(name, name), _named(machine[name])) for name in names]
    body = join(
        tag(
            "div",
            {"class": "pair"},
            titled("Network", _list(architecture)),
            titled("Machine", _list(computer)),
        ),
        titled("Where the time went", _times(times)),
    )
    return Section(anchor="machine", title="Network, machine and time", short="Machine", body=body)


def flat(values: Mapping, prefix: str = "") -> dict[str, object]:
    """Nested settings by dotted names: {"augment": {"hflip": 0.5}} -> {"augment.hflip": 0.5}."""
    found: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[prefix + str(name)] = value
    return found


def _value(config: Mapping, values: Mapping[str, object], name: str) -> Html:
    """A setting's value; of a nested one, a line for each part that is not off, as augmentation has it."""
    value = config.get(name, values.get(name))
    if not isinstance(value, Mapping):
        return join(setting(value))
    lines = [
        tag("li", None, f"{part} {setting(each)}") for part, each in value.items() if setting(each) != OFF.get(part)
    ]
    return tag("ul", {"class": "parts"}, *lines) if lines else join("all off")


def _named(value: object) -> str:
    return "none" if value is None else setting(value)


def _list(rows: Sequence[tuple[str, str | None]]) -> Html:
    cells = [join(tag("dt", None, name), tag("dd", None, str(words))) for name, words in rows if words]
    return tag("dl", {"class": "facts-list"}, *cells)


def _times(times: Mapping[str, float]) -> Html:
    names = [name for name in STEPS if name in times] + [name for name in times if name not in (*STEPS, "total")]
    seconds = {name: number_of(times[name]) or 0.0 for name in names}
    longest = max(seconds.values(), default=0.0)
    rows = [
        (
            name,
            duration(times[name]),
            tag(
                "span",
                {"class": "bars"},
                tag("i", {"class": "split train", "style": f"width:{spent / longest:.2%}"}),
            )
            if longest
            else "",
        )
        for name, spent in seconds.items()
    ]
    if "total" in times:
        total = [tag("strong", None, words) for words in ("total", duration(times["total"]))]
        rows.append((total[0], total[1], ""))
    columns = [
        Column(title="step", width="9em"),
        Column(title="time", width="8em", numeric=True),
        Column(title=""),
    ]
    return tag("div", {"class": "times"}, table(columns, rows))
