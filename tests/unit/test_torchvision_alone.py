"""The ResNet's module of torchvision comes without the rest, and is the one that the rest has, too."""

import subprocess
import sys

_ALONE = """
import sys
import smearwatch.daemon.worker
from smearwatch.models.torchvision_resnet import torchvision_resnet
module = torchvision_resnet()
heavy = {"torchvision", "torchvision.ops", "torchvision.models", "torch._dynamo", "sympy"} & set(sys.modules)
assert not heavy, heavy
assert torchvision_resnet() is module
import torchvision
assert torchvision.models.resnet18 is module.resnet18
assert torchvision.__version__ and torchvision.ops.nms and torchvision.transforms.functional.resize
assert torchvision_resnet() is module
"""
_ANOTHER = """
import sys

class Needs:
    def find_spec(self, name, path=None, target=None):
        if name == "torchvision.transforms" and getattr(sys.modules["torchvision"], "__file__", None) is None:
            raise ImportError("it needs what is not there without the rest")

sys.meta_path.insert(0, Needs())
from smearwatch.models.torchvision_resnet import torchvision_resnet
module = torchvision_resnet()
import torchvision
assert torchvision.models.resnet18 is module.resnet18
assert torchvision.__version__
"""


def test_the_module_comes_alone_and_whoever_imports_torchvision_later_has_all_of_it():
    _run(_ALONE)


def test_another_torchvision_whose_module_needs_the_rest_is_imported_with_it():
    _run(_ANOTHER)


def _run(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
