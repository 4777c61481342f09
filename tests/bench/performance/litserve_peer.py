"""The shipped weights as LitServe's documentation has a model served; crops come as files of a form."""

from typing import Any

import numpy as np
from fastapi import Request
from litserve import LitAPI

from tests.bench.performance.peers import SIDE_PX, judge_of


class Api(LitAPI):  # type: ignore[misc]  # it is in .venv-peers alone
    """Crops in, names of classes out."""

    def __init__(self, engine: str, **options: Any) -> None:
        super().__init__(**options)
        self._engine = engine

    def setup(self, device: str) -> None:
        self._judge = judge_of(self._engine)

    def decode_request(self, request: Request, **_: object) -> np.ndarray:
        file = request["crop"].file
        return np.frombuffer(file.read(), np.uint8).reshape(SIDE_PX, SIDE_PX, 3)

    def batch(self, inputs: list[np.ndarray]) -> list[np.ndarray]:
        return inputs

    def predict(self, x: list[np.ndarray], **_: object) -> list[str]:
        return self._judge(x)

    def unbatch(self, output: list[str]) -> list[str]:
        return output

    def encode_response(self, output: str, **_: object) -> dict[str, str]:
        return {"class": output}
