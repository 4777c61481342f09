"""Makes one picture, frame or cell deadly to the process that is at it: as a fault in a library would be.

Its folder is put before the others for the processes of a run, where Python reads `sitecustomize` from it; what is
deadly, and how, stands in the variable POISON as JSON: {"worker": {"cell": 0, "name": ..., "how": "kill"}, ...}.
"""

CHANGES_OF_POISON = """
import json, os, signal, threading

POISON = json.loads(os.environ["POISON"])


def die(how):
    if how == "memory":
        raise MemoryError("no memory left")
    while how == "spin":
        pass
    if how == "wait":
        threading.Event().wait()
    os.kill(os.getpid(), signal.SIGKILL if how == "kill" else signal.SIGSTOP)


def worker(module):
    judge = module._judge

    def deadly(engine, client, leases):
        for lease, _ in leases:
            if (lease.frame, lease.index) == (POISON["worker"]["frame"], POISON["worker"]["cell"]):
                die(POISON["worker"]["how"])
        judge(engine, client, leases)

    module._judge = deadly


def finder(module):
    answer = module._answer

    def deadly(lease, *rest):
        if lease.name == POISON["finder"]["name"]:
            die(POISON["finder"]["how"])
        return answer(lease, *rest)

    module._answer = deadly


def source(module):
    read = module.read_file

    def deadly(path, **kept):
        if os.path.basename(path) == POISON["source"]["name"]:
            die(POISON["source"]["how"])
        return read(path, **kept)

    module.read_file = deadly


CHANGES = {
    "smearwatch.daemon.worker": worker,
    "smearwatch.capture.finder.role": finder,
    "smearwatch.capture.sources.folder": source,
}

"""
