"""The plan of a session from what was typed, for `smearwatch run` and `smearwatch hub` alike."""

import time
from collections.abc import Mapping, Sequence

from smearwatch.daemon.commands.target_choice import choose_classes, choose_within
from smearwatch.daemon.config import Settings
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.description import checked, whoever
from smearwatch.daemon.record.sessions import check_name


def planned(
    frames_from: tuple[str | None, dict[str, str]],
    settings: Settings,
    *,
    session: str | None,
    carry_on: bool,
    count_again: bool,
    said: Mapping[str, str | None],
    by: str | None,
    until_idle: float | None,
    target_class: Sequence[str] | None,
    target_within: Sequence[str] | None,
    stop_at_target: bool,
    as_json: bool,
) -> RunPlan:
    """Return the plan of a session.

    Parameters
    ----------
    frames_from
        The source's name and its options; None where frames come from whoever joins.
    settings
        With the options among them that are settings.
    session, carry_on, count_again, by, until_idle, target_class, target_within, stop_at_target, as_json
        As they were typed.
    said
        What was typed of the session, by the names of `smearwatch.daemon.record.description`.

    Raises
    ------
    typer.BadParameter, NameUnusable, DescriptionUnusable
        For what was typed wrongly.
    """
    name, options = frames_from
    about = {
        key: text for key, given in said.items() if given is not None and (text := checked(key, given)) is not None
    }
    return RunPlan(
        settings=settings,
        session=check_name(time.strftime("%Y-%m-%dT%H-%M-%S") if session is None else session),
        source=name,
        source_options=options,
        until_idle_s=until_idle,
        stop_at_target=stop_at_target,
        target_classes=choose_classes(target_class or []),
        target_within=choose_within(target_within or []),
        carry_on=carry_on,
        count_again=count_again,
        said=about,
        said_by=checked("operator", by or "") or about.get("operator") or whoever(),
        as_json=as_json,
    )
