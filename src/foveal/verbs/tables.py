"""Results as tables on standard output."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from foveal.networks.describe import Description
from foveal.reporting.listings import Listing, number
from foveal.reporting.tasks import PRESENTATIONS

_BAR = 40  # characters of a whole step
_LEAST_SHARE = 0.005  # of a part that gets a row
_CEILINGS = {
    "convolution_flop_s": "convolution",
    "matrix_flop_s": "matrix product",
    "memory_bytes_s": "memory",
    "decode_images_s": "decoding",
}


def evaluation_table(result: Mapping[str, Any]) -> None:
    """Each figure with its interval, and what else the task has to say."""
    console = _console()
    overall = _table(f"{result['task']}: {result['n']:,} {result['split']} images")
    for heading in ("metric", "value", "95 % interval"):
        overall.add_column(heading, justify="left" if heading == "metric" else "right", no_wrap=True)
    for name, interval in result["metrics"].items():
        overall.add_row(name, number(interval), f"{number(interval['low'])} to {number(interval['high'])}")
    console.print(overall)
    for each in PRESENTATIONS[result["task"]].listings(result):
        console.print(each if isinstance(each, str) else _listed(each))


def _listed(listing: Listing) -> Table:
    table = _table(listing.title)
    names, *headings = listing.columns
    table.add_column(names, overflow="fold")
    for heading in headings:
        if listing.unbroken:
            table.add_column(heading, justify="right", no_wrap=True)
        else:
            table.add_column(heading, justify="right", overflow="fold")
    for row in listing.rows:
        table.add_row(*row)
    return table


def folds_table(result: Mapping[str, Any]) -> None:
    """A row a figure: its mean and interval over the folds, and each fold's."""
    images = sum(each["n"] for each in result["folds"])
    table = _table(f"cross-validation: {images:,} images in {len(result['folds'])} folds")
    for heading in ("metric", "mean", "95 % t-interval", *(f"fold {each['fold']}" for each in result["folds"])):
        table.add_column(heading, justify="left" if heading == "metric" else "right", no_wrap=True)
    for name, figure in result["metrics"].items():
        by_fold = [number(each["metrics"][name]) for each in result["folds"]]
        table.add_row(name, number(figure["value"]), f"{number(figure['low'])} to {number(figure['high'])}", *by_fold)
    _console().print(table)


def description_table(description: Description) -> None:
    """A row a layer, and the totals."""
    table = _table("input " + "×".join(map(str, description.image_shape)))
    for heading in ("layer", "operation"):
        table.add_column(heading, overflow="fold")
    for heading in ("output", "parameters", "multiply-adds", "receptive field", "stride"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in description.rows:
        table.add_row(
            row.name,
            row.operation,
            "not called" if row.output_shape is None else "×".join(map(str, row.output_shape)),
            f"{row.parameters:,}" if row.parameters else "",
            f"{row.multiply_adds:,}" if row.multiply_adds else "",
            _pair(row.receptive_field_hw),
            _pair(row.stride_hw),
        )
    console = _console()
    console.print(table)
    console.print(
        f"{description.parameters:,} parameters ({description.trainable_parameters:,} trainable), "
        f"{description.multiply_adds:,} multiply-adds an image",
        highlight=False,
    )


def models_table(listed: Sequence[Mapping[str, Any]]) -> None:
    """A row a network."""
    table = _table("parameters at the paper's own classes; smallest and usual side in pixels")
    table.add_column("network", no_wrap=True)
    table.add_column("paper", overflow="fold")
    for heading in ("parameters", "smallest", "usual", "stages"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in listed:
        strides = "/".join(str(stage["stride"]) for stage in each["stages"])
        table.add_row(
            each["name"],
            each["paper"],
            f"{each['parameters']:,}",
            str(each["min_size"]),
            str(each["size"]),
            strides or "none",
        )
    _console().print(table)


def bench_tables(result: Mapping[str, Any]) -> None:
    """The ceilings, a table of parts with bars for training and each prediction, and the advice."""
    console = _console()
    ceilings = result["ceilings"]
    table = _table("this machine at its best")
    table.add_column("what")
    table.add_column("rate", justify="right", no_wrap=True)
    for title, key in (("convolution", "convolution_flop_s"), ("matrix product", "matrix_flop_s")):
        for precision, rate in ceilings[key].items():
            table.add_row(f"{title}, {precision}", f"{rate / 1e9:,.0f} GFLOP/s")
    table.add_row("memory", f"{ceilings['memory_bytes_s'] / 1e9:,.1f} GB/s")
    table.add_row("decoding JPEG photographs of 320×240", f"{ceilings['decode_images_s']:,.0f} images/s")
    console.print(table)
    about = f"{result['model']} at {result['size']} px on {result['device']}"
    console.print(_parts_table(f"{about}, {result['precision']}: ", result["training"]))
    for profile in result["prediction"]:
        console.print(_parts_table(f"{about}, float32: ", profile))
    for sentence in result["advice"]:
        console.print(sentence, highlight=False, soft_wrap=True)


def _parts_table(about: str, profile: Mapping[str, Any]) -> Table:
    table = _table(
        f"{about}{profile['name']}, batch {profile['batch_size']}, {1000 * profile['seconds']:,.1f} ms, "
        f"{profile['images_per_second']:,.0f} images/s"
    )
    table.add_column("part")
    for heading in ("ms", "share"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", min_width=_BAR)
    table.add_column("of this machine's best", justify="right", no_wrap=True)
    for part in profile["parts"]:
        if part["share"] < _LEAST_SHARE:
            continue
        table.add_row(
            part["name"],
            f"{1000 * part['seconds']:,.1f}",
            f"{part['share']:.0%}",
            "█" * round(_BAR * part["share"]),
            "" if part["of_ceiling"] is None else f"{part['of_ceiling']:.0%} of {_CEILINGS[part['ceiling']]}",
        )
    return table


def _pair(pair: tuple[int | float, int | float] | None) -> str:
    if pair is None:
        return ""
    return f"{pair[0]:g}" if pair[0] == pair[1] else f"{pair[0]:g}×{pair[1]:g}"


def _table(title: str) -> Table:
    return Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)


def _console() -> Console:
    """Standard output: the terminal's width, or 160 characters where there is none. Names are no markup."""
    width = None if Console().is_terminal else 160
    return Console(width=width, markup=False, emoji=False)
