"""Changes to modules of a run's processes, as a test wants them: a folder to be put before the others.

Python reads `sitecustomize` from it in every process; a module that is named in CHANGES is changed once it is loaded.
"""

import os
from pathlib import Path

_INSTALL = """
import importlib.abc, importlib.machinery, sys


class Changing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name not in CHANGES:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            CHANGES[name](module)

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Changing())
"""


def write_changes(folder: Path, changes: str) -> Path:
    """Write a folder for PYTHONPATH; ``changes`` defines CHANGES, functions of a module by the module's name."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(changes + _INSTALL)
    return folder


def in_front(folder: Path) -> str:
    """Return a PYTHONPATH with a folder before what is there."""
    return os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
