"""The package's public functions are there, callable, and shadowed by no submodule."""

import importlib
import pkgutil
import subprocess
import sys

import foveal


def test_every_public_name_is_callable_after_importing_every_submodule() -> None:
    for module in pkgutil.walk_packages(foveal.__path__, "foveal."):
        if module.name != "foveal.__main__":
            importlib.import_module(module.name)
    names = [name for name in foveal.__all__ if name != "__version__"]
    assert names == sorted(names)
    for name in names:
        assert callable(getattr(foveal, name)), name
    assert foveal.models()[0]["name"] == "lenet5"


def test_importing_foveal_loads_no_torch() -> None:
    code = "import sys, foveal; foveal.__version__; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
