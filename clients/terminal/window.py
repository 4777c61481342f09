"""A program in a terminal ends with its window."""

import signal


def end_with_the_window() -> None:
    """End this process when its terminal is closed, also where it was begun so as to ignore that, as by `nohup`.

    Without a terminal it would read nothing for ever. What was typed is on the disk already.
    """
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
