"""The settings that a run uses, in the audit journal where they are others than those of the run before."""

from typing import Any

from smearwatch.daemon.log import get_logger
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record import audit
from smearwatch.daemon.record.audit import AuditUnusable

KIND = "settings"


def note_settings(plan: RunPlan) -> None:
    """Write down which settings changed since the last run; where that cannot be, log it: the count goes on."""
    now = plan.settings.model_dump(mode="json")
    try:
        before = _last(plan)
        if before == now:
            return
        changed = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
        was = {key: before[key] for key in changed if key in before}
        by, session = plan.said_by or None, plan.session
        values = {"was": was, "now": {key: now[key] for key in changed if key in now}, "all": now}
        audit.add(plan.settings.state_dir, KIND, by=by, session=session, values=values, patience_s=1.0)
    except AuditUnusable as error:
        get_logger().warning("settings are not in the audit journal", why=str(error), hint=error.hint)


def _last(plan: RunPlan) -> dict[str, Any]:
    for entry in reversed(audit.read_trail(plan.settings.state_dir).entries):
        if entry.kind == KIND and isinstance(entry.values.get("all"), dict):
            return dict(entry.values["all"])
    return {}
