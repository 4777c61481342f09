"""The worker: leases crops, has the networks judge them, answers with verdicts."""

import time

import numpy as np

from smearwatch.daemon.log import get_logger
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.lease_client import LeaseClient
from smearwatch.daemon.process.role import Role
from smearwatch.daemon.weights import weights_in_use
from smearwatch.daemon.wire.messages import CropJudged, CropLease, LeaseFailed
from smearwatch.daemon.wire.parts import RangeOnWire
from smearwatch.models.engine import Engine, Stain

# Enough that the next crop is here when one is answered; a graphics card takes a batch.
_CAPACITY = {"cpu": 2, "cuda": 64}


def main(plan: RunPlan, role: Role) -> None:
    """Load the networks and judge crops until the parent asks for the end."""
    with role.loading():
        engine = Engine.load(weights_in_use(plan.settings), device=plan.settings.device)
    role.beat()
    get_logger().info("networks loaded", weights=engine.weights_id[:12], device=str(engine.device))
    capacity = _CAPACITY["cuda" if str(engine.device).startswith("cuda") else "cpu"]
    with LeaseClient(plan, role, "worker", capacity=capacity) as lease_client:
        while not role.stopping:
            leases = lease_client.leases(CropLease, most=capacity)
            good = [(lease, buffers[0]) for lease, buffers in leases if _fits(lease, buffers)]
            for lease, buffers in leases:
                if not _fits(lease, buffers):
                    lease_client.send(LeaseFailed(lease.lease, f"a crop of {[b.nbytes for b in buffers]} bytes"))
            if good:
                _judge(engine, lease_client, good)


def _fits(lease: CropLease, buffers: list[memoryview]) -> bool:
    return len(buffers) == 1 and buffers[0].nbytes == lease.size_px**2 * 3


def _judge(engine: Engine, lease_client: LeaseClient, leases: list[tuple[CropLease, memoryview]]) -> None:
    began = time.perf_counter()
    crops_bgr = [
        np.frombuffer(pixels, dtype=np.uint8).reshape(lease.size_px, lease.size_px, 3) for lease, pixels in leases
    ]
    judgements = engine.judge(crops_bgr, [_session_stain(lease) for lease, _ in leases])
    ranges = tuple(RangeOnWire(kind.name, kind.cells, dict(kind.limits)) for kind in engine.manifest.ranges or ())
    each_ms = (time.perf_counter() - began) * 1000.0 / len(leases)
    for (lease, _), judgement in zip(leases, judgements, strict=True):
        lease_client.send(
            CropJudged(
                lease=lease.lease,
                frame=lease.frame,
                index=lease.index,
                cls=judgement.cls,
                verdict=judgement.verdict,
                probabilities=judgement.probabilities,
                verifiers=judgement.verifiers,
                reject_score=judgement.reject_score,
                weights=engine.weights_id,
                stages_ms={"classify": each_ms},
                look=judgement.look,
                ranges=ranges,
                restained=judgement.restained,
                unfamiliar=judgement.unfamiliar,
            )
        )


def _session_stain(lease: CropLease) -> Stain | None:
    """Return the session's stain at a cell, None where the hub does not know it or it has no red cells."""
    if lease.stain is None or lease.stain.red_cells_bgr is None:
        return None
    return Stain(
        nucleus_bgr=lease.stain.nucleus_bgr,
        red_cells_bgr=lease.stain.red_cells_bgr,
        red_cell_um=lease.stain.red_cell_um,
    )
