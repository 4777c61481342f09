"""A worker that sleeps as long as a graphics card would work, and answers without looking: a simulated one.

All else is real: it joins the hub as `smearwatch worker` does, over the same encrypted connection, with leases and
credits. Run as ``python -m tests.bench.sleeping_worker MS_A_CROP``; the settings say where the hub is.
"""

import os
import sys
import time

from smearwatch.daemon.config import load_settings
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.joining import ask_terms
from smearwatch.daemon.process.lease_client import LeaseClient
from smearwatch.daemon.process.role import Role
from smearwatch.daemon.wire.messages import CropLease
from tests.integration.hub_bench import WEIGHTS, judged

CAPACITY = 64  # as `smearwatch.daemon.worker` has it for a card


def main(ms_a_crop: float) -> None:
    """Join, and sleep for whatever is leased, until the process is ended."""
    heard, beat_fd = os.pipe()
    os.set_blocking(beat_fd, False)
    role = Role("worker", beat_fd)
    role.heed_signals()
    plan = RunPlan(settings=load_settings(), session="", joins=True, seat=f"-{os.getpid()}")
    welcome = ask_terms(plan, role, "work")
    if welcome is None:
        return
    mark = welcome.terms.weights_manifest
    with LeaseClient(plan, role, "worker", capacity=CAPACITY, weights=WEIGHTS, weights_manifest=mark) as client:
        while not role.stopping:
            leases = client.leases(CropLease, most=CAPACITY)
            time.sleep(len(leases) * ms_a_crop / 1000.0)
            for lease, _ in leases:
                client.send(judged(lease))
    os.close(heard)


if __name__ == "__main__":
    main(float(sys.argv[1]))
