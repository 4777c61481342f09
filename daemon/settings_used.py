"""The settings that a run uses, in the audit journal where they are others than those of the run before."""

import json
import re
from typing import Any, Final

from smearwatch.daemon.log import get_logger
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record import audit
from smearwatch.daemon.record.audit import AuditUnusable

KIND: Final = "settings"
_PASSWORD: Final = re.compile(r"//[^/@\s\"]*@")


def note_settings(plan: RunPlan) -> None:
    """Write down which settings changed since the last run; where that cannot be, log it: the count goes on."""
    # An address may hold a password, which is no setting that a list of changes may have.
    now = json.loads(_PASSWORD.sub("//", json.dumps(plan.settings.model_dump(mode="json"))))
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
    entry = audit.last_of(plan.settings.state_dir, KIND)
    return {} if entry is None else dict(entry.values.get("all") or {})
