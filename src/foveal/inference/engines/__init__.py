"""The engines that compute predictions, by name, and the order in which they are tried. No torch here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSpec:
    """An entry of `ENGINES`."""

    builder: str
    """Function that makes the engine, as "module:function"; called with a `Source` and a precision."""
    needs: tuple[str, ...] = ()
    """Modules that have to be installed."""
    extra: str = ""
    """The extra of Foveal that installs them."""


ENGINES: dict[str, EngineSpec] = {
    "eager": EngineSpec(builder="foveal.inference.engines.eager:build"),
    "onnxruntime": EngineSpec(
        builder="foveal.inference.engines.onnxruntime:build",
        needs=("onnxruntime", "onnx", "onnxscript"),
        extra="export",
    ),
    "openvino": EngineSpec(builder="foveal.inference.engines.openvino:build", needs=("openvino",), extra="fast"),
}

REFERENCE = ("eager", "float32")
"""(engine, precision) with which every other has to agree: the network itself, computed as evaluation does."""

FASTEST_FIRST: tuple[tuple[str, str], ...] = (
    ("openvino", "bfloat16"),
    ("eager", "bfloat16"),
    ("openvino", "float32"),
    ("onnxruntime", "float32"),
    REFERENCE,
)
"""(engine, precision); bfloat16 is tried only where the processor computes it natively."""

FEW_IMAGES = 64
"""For fewer images the reference is taken: preparing another engine would take longer than it saves."""

TOLERANCE = 0.02
"""The largest difference of a probability from the reference's with which an engine is taken; at all but one in a
thousand pixels of label maps."""

SIDE_TOLERANCE = 0.25
"""The same for the sides of a detector's boxes, in cells of their map (8, 16 or 32 pixels)."""
