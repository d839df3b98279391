"""The peers' own environments: made once from a requirements file, outside the project's."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from foveal.files import cache_folder

HERE = Path(__file__).parent
GIVEN = {"requirements.txt": "FOVEAL_PEERS", "requirements-ultralytics.txt": "FOVEAL_PEERS_ULTRALYTICS"}
"""Environment variables that name a finished environment's folder instead, by requirements file."""


def program(name: str, requirements: str = "requirements.txt") -> Path:
    """The path of a program (python, yolo) of the environment that holds `requirements`, which is made if need be.

    It lies in the cache folder under a name that follows the file's content. Making it takes minutes and several GB.
    """
    given = os.environ.get(GIVEN[requirements])
    folder = Path(given) if given else _made(HERE / requirements)
    found = folder / ("Scripts" if os.name == "nt" else "bin") / (f"{name}.exe" if os.name == "nt" else name)
    if not found.is_file():
        sys.exit(f"expected {found}, a program of {requirements}; {GIVEN[requirements]} is {given or 'not set'}")
    return found


def _made(requirements: Path) -> Path:
    digest = hashlib.blake2b(requirements.read_bytes(), digest_size=6).hexdigest()
    folder = cache_folder() / "benchmarks" / f"{requirements.stem}-{digest}"
    complete = folder / ".complete"
    if not complete.is_file():
        print(f"making the environment of {requirements.name} in {folder}: minutes, several GB", flush=True)
        shutil.rmtree(folder, ignore_errors=True)  # what a broken attempt left
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        scripts = folder / ("Scripts" if os.name == "nt" else "bin")
        subprocess.run([scripts / "python", "-m", "pip", "install", "--quiet", "-r", requirements], check=True)
        complete.touch()
    return folder
