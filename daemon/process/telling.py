"""A line of a role: for a person on a screen or in a file, as an entry where the log is for machines."""

from smearwatch.daemon.log import get_logger, is_for_machines
from smearwatch.daemon.one_line import say
from smearwatch.daemon.withheld import without_names


def tell(line: str) -> None:
    """Write a line to stderr in the form of this process's log."""
    if is_for_machines():
        get_logger().info(without_names(line))
    else:
        say(line)
