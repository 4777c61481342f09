"""Tasks over an archive that take no time, for the tests of what gives them out; some of them go wrong."""

import os
import time
from pathlib import Path

from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.tasks.unpacked import unpacked


def note(order):
    """Write down that the session was done, and return its name and what stands beside it in the order."""
    with unpacked(Path(order["path"])) as folder:
        name = folder.name
    with Path(order["notes"]).open("a") as notes:
        notes.write(f"{name}\n")
    if name == "sleeps":
        time.sleep(120)
    if Path(order["trouble"]).exists():
        if name == "dies":
            os.kill(os.getpid(), 9)
        if name == "fails":
            raise Hinted("this one is bad", "mend it")
        if name == "stumbles":
            return 1 / 0
    return {"session": name, "factor": order["factor"]}
