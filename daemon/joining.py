"""A source as a command of its own: it waits for the hub, takes its terms, and looks for what speaks against them."""

from smearwatch.daemon.continuing import other_pictures
from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.joining import joined
from smearwatch.daemon.process.role import Role
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LEDGER_FILE
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.source_plugins import check, main
from smearwatch.daemon.specimens import PicturesCounted, whose_pictures


class OtherPictures(Hinted):
    """The session that the hub counts was begun on other pictures than lie in the folder now."""


def source(plan: RunPlan, role: Role) -> None:
    """Bring a source's frames to the hub that is there, for as long as it counts the session that it counts now."""
    if (found := joined(plan, role, "feed")) is None:
        return
    plan, _ = found
    check(plan, role)
    _check_folder(plan)
    main(plan, role)


def _check_folder(plan: RunPlan) -> None:
    """Refuse what `smearwatch run` refuses, as far as the hub's sessions can be read from here."""
    folder = session_folder(plan.settings.state_dir, plan.session)
    if plan.watch_dir is None or not (folder / LEDGER_FILE).is_file():
        return
    if not plan.count_again and (other := whose_pictures(plan)) is not None:
        raise PicturesCounted(plan.watch_dir, plan.session, other)
    with LedgerReader.read(folder) as ledger:
        if not plan.carry_on and ledger.summary().frames and (why := other_pictures(plan.watch_dir, ledger)):
            hint = "start the hub with another --session, or with --continue where it is the same slide all the same"
            raise OtherPictures(f"session {plan.session} is not carried on unasked: {why}", hint)
