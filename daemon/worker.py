"""The worker: leases crops, has the networks judge them, answers with verdicts."""

import time

import numpy as np

from smearwatch.daemon.log import get_logger, log_step, working_on
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.joining import joined
from smearwatch.daemon.process.lease_client import LeaseClient
from smearwatch.daemon.process.role import Role
from smearwatch.daemon.weights import manifest_mark, weights_in_use, weights_of_manifest
from smearwatch.daemon.wire.messages import CropJudged, CropLease, LeaseFailed
from smearwatch.daemon.wire.parts import RangeOnWire, StatisticsOnWire
from smearwatch.models.engine import Engine, SessionMoments, Stain
from smearwatch.models.engine_choice import check_cells, choose_engine

# A graphics card takes a batch. A processor begins with one, and another that is here by then.
_CAPACITY = {"cpu": 2, "cuda": 64}
_AT_ONCE = {"cpu": 1, "cuda": 64}


def main(plan: RunPlan, role: Role) -> None:
    """Load the networks and judge crops until the parent asks for the end."""
    folder = weights_in_use(plan.settings)
    with role.loading():
        engine, trials = choose_engine(folder, device=plan.settings.device, engine=plan.settings.engine)
        side_px = engine.manifest.preprocessing.crop_px
        engine.judge([np.zeros((side_px, side_px, 3), np.uint8)])  # a card that cannot judge at all is no crop's fault
    role.beat()
    for trial in trials:
        if trial.refused is not None:
            get_logger().warning("engine not used", engine=trial.kind, why=trial.refused)
    quicker = {
        trial.name or trial.kind: round(trial.times_as_quick, 2) for trial in trials if trial.times_as_quick is not None
    }
    loaded = {
        "weights": engine.weights_id[:12],
        "device": str(engine.device),
        "engine": engine.recorded_as or engine.kind,
    }
    get_logger().info("networks loaded", **loaded, times_as_quick_as_eager=quicker)
    mark = manifest_mark(folder) or ""
    capacity, at_once = _CAPACITY[engine.device], _AT_ONCE[engine.device]
    with LeaseClient(
        plan, role, "worker", capacity=capacity, weights=engine.weights_id, weights_manifest=mark
    ) as lease_client:
        looked = False
        while not role.stopping:
            leases = lease_client.leases(CropLease, most=at_once)
            good = [(lease, buffers) for lease, buffers in leases if _fits(lease, buffers)]
            for lease, buffers in leases:
                if not _fits(lease, buffers):
                    lease_client.send(LeaseFailed(lease.lease, f"a crop of {[b.nbytes for b in buffers]} bytes"))
            if good:
                _judge(engine, lease_client, good)
            if good and not looked:  # whether several may share a pass: not before the first cell of a run is counted
                looked = True
                engine.take_batches(check_cells(engine))
                if engine.most_at_once > at_once:
                    at_once = engine.most_at_once
                    lease_client.take_more(2 * at_once)


def join(plan: RunPlan, role: Role) -> None:
    """Wait for the hub, and judge crops for it with the weights that it counts with.

    Raises
    ------
    TermsDiffer, WeightsMissing
        It was told otherwise than the hub, or the hub's weights are not here.
    """
    if (found := joined(plan, role, "work")) is None:
        return
    plan, welcome = found
    folder = weights_of_manifest(plan.settings, welcome.terms.weights_manifest)
    main(plan.model_copy(update={"settings": plan.settings.model_copy(update={"weights": folder})}), role)


def _fits(lease: CropLease, buffers: list[memoryview]) -> bool:
    crop, *statistics = [buffer.nbytes for buffer in buffers] or [0]
    whole = crop == lease.size_px**2 * 3 and len(statistics) == (lease.statistics is not None)
    return whole and all(size > 0 and size % 8 == 0 for size in statistics)


def _judge(engine: Engine, lease_client: LeaseClient, leases: list[tuple[CropLease, list[memoryview]]]) -> None:
    began = time.perf_counter()
    crops_bgr = [
        np.frombuffer(buffers[0], dtype=np.uint8).reshape(lease.size_px, lease.size_px, 3) for lease, buffers in leases
    ]
    stains = [_session_stain(lease) for lease, _ in leases]
    judgements = engine.judge(crops_bgr, stains, _sessions(leases))
    ranges = tuple(RangeOnWire(kind.name, kind.cells, dict(kind.limits)) for kind in engine.manifest.ranges or ())
    each_ms = (time.perf_counter() - began) * 1000.0 / len(leases)
    for (lease, _), judgement in zip(leases, judgements, strict=True):
        with working_on(lease.frame):
            log_step("cell judged", cell=lease.index, verdict=judgement.verdict, ms=round(each_ms, 1))
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
                strange=judgement.strange,
                by_statistics=judgement.statistics_cells > 0,
                engine=engine.recorded_as,
            ),
            [] if judgement.moments is None else [memoryview(judgement.moments.astype("<f2").tobytes())],
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


def _sessions(leases: list[tuple[CropLease, list[memoryview]]]) -> list[SessionMoments | None]:
    """Return the session's statistics at each cell, None where there are none; one object for those that are alike."""
    known: dict[tuple[StatisticsOnWire, bytes], SessionMoments] = {}
    sessions: list[SessionMoments | None] = []
    for lease, buffers in leases:
        whose = lease.statistics
        if whose is None:
            sessions.append(None)
            continue
        key = whose, bytes(buffers[1])
        if key not in known:
            values = np.frombuffer(key[1], dtype="<f4").reshape(2, -1).astype(np.float32)
            known[key] = SessionMoments(whose.weights, whose.cells, whose.unfamiliar, values)
        sessions.append(known[key])
    return sessions
