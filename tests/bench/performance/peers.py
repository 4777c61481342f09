"""Two other ways to serve the shipped weights, as a process: LitServe over HTTP, and imagezmq with a loop.

``python -m tests.bench.performance.peers litserve|imagezmq plain|ours PORT``. *plain* judges as PyTorch's documentation
has it, *ours* by smearwatch's own engine. None of them keeps anything: no record, no leases, no session's statistics.
"""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from smearwatch.models import checkpoint
from smearwatch.models.checkpoint import shipped_weights_dir
from smearwatch.models.classes import CLASSES
from tests.bench.performance.crops import as_input, engine_in_use

SIDE_PX = 750
MOST, WAIT_S = 8, 0.01
"""Crops that LitServe judges at once, and how long it waits for them."""

Judge = Callable[[list[np.ndarray]], list[str]]


def judge_of(engine: str) -> Judge:
    """Load the networks; what is returned takes crops and gives the names of their classes."""
    if engine == "ours":
        loaded = engine_in_use()
        return lambda crops: [judgement.cls for judgement in loaded.judge(crops)]
    torch.set_num_threads(1)  # as smearwatch's worker
    networks = checkpoint.load(shipped_weights_dir())
    layout = torch.channels_last
    return partial(
        _plain, networks.resnet.to(memory_format=layout), networks.bank.to(memory_format=layout), networks.manifest
    )


def _plain(resnet: Any, bank: Any, manifest: Any, crops: list[np.ndarray]) -> list[str]:
    with torch.inference_mode():
        batch = as_input(crops, manifest.preprocessing)
        probabilities = (resnet(batch).class_logits / manifest.temperature).softmax(dim=1)
        bank(batch).sigmoid().tolist()
        return [CLASSES[index] for index in probabilities.argmax(dim=1).tolist()]


def litserve(engine: str, port: int) -> None:
    """Serve over HTTP, in batches where several crops wait."""
    from litserve import LitServer

    from tests.bench.performance.litserve_peer import Api

    api = Api(engine, max_batch_size=MOST, batch_timeout=WAIT_S)
    server = LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=port, log_level="error", generate_client_file=False)


def imagezmq(engine: str, port: int) -> None:
    """Take one picture after the other, and answer each before the next."""
    from imagezmq import ImageHub

    judge = judge_of(engine)
    hub = ImageHub(f"tcp://127.0.0.1:{port}")
    while True:
        _, crop = hub.recv_image()
        hub.send_reply(judge([crop])[0].encode())


if __name__ == "__main__":
    {"litserve": litserve, "imagezmq": imagezmq}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
