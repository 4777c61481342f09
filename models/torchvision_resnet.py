"""torchvision's module of the ResNet, without the rest of torchvision: its operators take as long as torch itself.

``import torchvision`` registers operators for detection and for ONNX, which load the compiler of torch. Of these the
ResNet needs nothing. So the two packages above its module are named here without running them, its module is imported,
and the two names are given back: who imports torchvision after that gets all of it, with this same module in it
(docs/decisions/0082-what-a-start-does-not-read.md).
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Final

_ABOVE: Final = ("torchvision", "torchvision.models")
_MODULE: Final = "torchvision.models.resnet"


def torchvision_resnet() -> Any:
    """Return the module ``torchvision.models.resnet``.

    Raises
    ------
    ImportError
        torchvision is not installed, or does not fit torch.
    """
    if _ABOVE[0] in sys.modules:
        return importlib.import_module(_MODULE)
    if _MODULE in sys.modules:
        return sys.modules[_MODULE]
    found = importlib.util.find_spec(_ABOVE[0])
    if found is None or found.submodule_search_locations is None:
        raise ModuleNotFoundError(f"No module named {_ABOVE[0]!r}", name=_ABOVE[0])
    for name in _ABOVE:
        bare = ModuleType(name)
        bare.__path__ = [str(Path(folder, *name.split(".")[1:])) for folder in found.submodule_search_locations]
        sys.modules[name] = bare
    try:
        return importlib.import_module(_MODULE)
    except (ImportError, AttributeError):  # another torchvision, whose module needs more of it
        for name in [name for name in sys.modules if name.partition(".")[0] == _ABOVE[0]]:
            del sys.modules[name]
        return importlib.import_module(_MODULE)
    finally:
        for name in _ABOVE:
            if getattr(sys.modules.get(name), "__file__", None) is None:
                sys.modules.pop(name, None)
