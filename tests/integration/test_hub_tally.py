"""A tally by hand for the session that is being counted: its one writer writes it, once, beside the count."""

import threading

import pytest

from smearwatch.clients.asking import NotAgreed
from smearwatch.clients.tallying.draft import Draft
from smearwatch.clients.tallying.keeping import keep, standing
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.messages import Agreed, KeepTally, Refused

pytestmark = pytest.mark.integration


def kept(bench, draft):
    """Keep a draft from another thread, while the hub is turned in this one."""
    got: list[int | str] = []

    def run():
        try:
            got.append(keep(bench.folder, bench.plan.settings.runtime_dir, draft))
        except NotAgreed as error:
            got.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    bench.turn_until(lambda: got)
    thread.join()
    return got[0]


def test_a_tally_is_kept_once_while_the_session_is_counted(bench):
    draft = Draft.open(bench.folder, by="A. Reader", target=5)
    draft.add("band")
    draft.add("segmented")
    assert kept(bench, draft) == 1
    assert kept(bench, draft) == 1  # whoever did not hear the answer asks again
    assert standing(bench.folder, draft.began_at_ns) == (1, None)
    draft.remove()
    assert bench.journal.fold.cells == 0
    assert list(verify(bench.ledger)) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"session": "yesterday"}, "the session t is being counted, not yesterday"),
        ({"counts": {"colour": 1}}, "names that a tally knows"),
        ({"counts": {"band": 0}}, "greater than or equal to 1"),
    ],
)
def test_what_is_no_tally_of_this_session_is_refused_in_one_line(bench, changes, says):
    client = bench.peer("client", "c")
    given = {"session": "t", "by": "A", "began_at_ns": 1, "target": 100, "counts": {"band": 1}, **changes}
    client.send(KeepTally(7, **given))
    ((answer, _),) = bench.hear(client, (Agreed, Refused), least=1)
    assert isinstance(answer, Refused)
    assert says in answer.detail
    assert "\n" not in answer.detail
    assert standing(bench.folder, 1)[0] is None
