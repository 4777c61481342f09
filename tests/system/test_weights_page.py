"""Better weights on the page, with a real Chromium and the real commands: adapt, compare, promote, go back."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, Page

from smearwatch.daemon.record.events import (
    CLASSES,
    Closed,
    Counted,
    Found,
    FoundCell,
    Labelled,
    LabelName,
    Opened,
    Seen,
)
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.signing import sign
from smearwatch.models import checkpoint
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.manifest import Manifest
from smearwatch.models.memory import Memory, packed
from smearwatch.models.preprocess import Preprocessing
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.train.adapting.logits import network_input
from smearwatch.train.data.samples import Sample, exact
from smearwatch.train.promotion.store import Store
from smearwatch.train.saving import save_weights
from smearwatch.train.training.remembering import body_features, make_remembered
from tests.paged import opened, reviewing, until

pytestmark = pytest.mark.system

SMALL = Preprocessing(field_px=72, view_px=72)
UM_PER_PX = 0.1
WIDTH, HEIGHT = 640, 480
CENTRES = tuple((float(x), float(y)) for x in (180, 460) for y in (180, 300))


def colour(index: int) -> tuple[int, int, int]:
    """Return the blue, green and red of a class, by which an untaught network tells it too."""
    return 40 + 140 * (index & 1), 40 + 140 * (index >> 1 & 1), 40 + 140 * (index >> 2 & 1)


def picture(index: int, number: int) -> bytes:
    """Draw a field of one class: discs in its colour."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    field = np.full((HEIGHT, WIDTH, 3), (230, 220, 200 + number), np.uint8)
    for x, y in CENTRES:
        field[(columns - x) ** 2 + (rows - y) ** 2 < 45**2] = colour(index)
    data = io.BytesIO()
    Image.fromarray(field).save(data, "PNG")
    return data.getvalue()


def record(folder: Path, first: int, frames: int, *, signed: bool) -> None:
    """Record a session: the machine calls every cell a band, a person names all but the first of each picture."""
    with Ledger.open(folder) as ledger:
        ledger.append([Opened(1, 1, "t", folder.name, None, 33.0, "rule", {})])
        labels: list[Labelled] = []
        for number in range(frames):
            index = number % 6
            frame = ledger.frames.put(picture(index, first + number))
            found = tuple(
                FoundCell(each, (int(x) - 50, int(y) - 50, 100, 100), (x, y), 100.0, False, 0.9)
                for each, (x, y) in enumerate(CENTRES)
            )
            six = (0.9, 0.02, 0.02, 0.02, 0.02, 0.02)
            ledger.append(
                [
                    Seen(frame, f"{number}.png", 9, 1, None, None, True, "folder"),
                    Found(frame, WIDTH, HEIGHT, UM_PER_PX, "configured", None, 0.8, found),
                    *(Counted(frame, each, "band", "confirmed", six, six, 0.1, "w") for each in range(len(found))),
                ]
            )
            name: LabelName = CLASSES[index]
            labels += [Labelled(frame, each, name, "A. Reader", 1, 5) for each in range(1, len(found))]
        ledger.append([*labels, Closed(1, True, {}, {})])
    if signed:
        sign(folder, by="A. Reader", overruled={"target": "enough"})


def untaught(folder: Path) -> None:
    """Weights that know nothing, and remember some cells of each class as told apart."""
    torch.manual_seed(1)
    resnet, bank = LeukocyteResNet().eval(), LeNetBank(SMALL.view_px).eval()

    def no_picture():
        raise AssertionError("remembered cells are not drawn")

    samples = [
        Sample(f"old/{n}", "old", CLASSES[n % 6], exact(n % 6), f"{n}", None, no_picture, f"{n:064x}")
        for n in range(24)
    ]
    fields = np.full((24, 72, 72, 3), (230, 220, 200), np.uint8)
    for each in range(24):
        fields[each, 26:46, 26:46] = colour(each % 6)
    seen = body_features(resnet, network_input(fields, SMALL)).numpy()
    fitted, held = make_remembered(seen[:12], samples[:12]), make_remembered(seen[12:], samples[12:])
    kept = packed(Memory(frozenset({7}), frozenset({8}), fitted, held))
    save_weights(folder, resnet, bank, Manifest(name="untaught", preprocessing=SMALL, tensors={}), kept)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    untaught(tmp_path / "untaught")
    store, identity = Store(tmp_path), checkpoint.read_manifest(tmp_path / "untaught").weights_id()
    with store.locked():
        store.install(tmp_path / "untaught", identity, {})
        store.switch(identity, "forced")
    record(tmp_path / "sessions" / "monday", 0, 12, signed=False)
    record(tmp_path / "sessions" / "tuesday", 20, 12, signed=True)
    return tmp_path


def ended(page: Page, title: str) -> None:
    """Wait for a step's end; each loads the networks in a process of its own."""
    for _ in range(6):  # `until` is patient for twenty seconds
        try:
            return until(page, f"document.querySelector('#job-title').textContent.startsWith('{title}: ')")
        except AssertionError:
            if not page.locator("#cancel").is_visible():
                raise
    raise AssertionError(page.inner_text("#job"))


def confirm(page: Page) -> None:
    page.wait_for_selector("#asking[open]")
    assert page.input_value("#ask-form input[name=by]") == "A. Reader"
    page.click("#ask-form button[type=submit]")


def test_from_labels_to_weights_in_use_and_back(state: Path, browser: Browser):
    with reviewing(state, "monday", "--by", "A. Reader") as (link, _), opened(browser, link) as page:
        page.click("#weights")
        until(page, "document.querySelectorAll('#labelled tbody tr').length === 2")
        rows = page.locator("#labelled tbody tr").all_inner_texts()
        assert rows[0].split() == ["monday", *["6"] * 6, "0", "0", "0"]
        assert rows[1].split()[-2:] == ["A.", "Reader"]
        assert page.inner_text("#use").startswith("untaught (promoted, forced ")

        page.uncheck("#labelled tr[data-session=tuesday] input")
        page.click("#adapt")
        ended(page, "Adapting")
        box = page.locator(".candidate")
        assert box.count() == 1, page.inner_text("#job")
        assert "this microscope, as labelled:" in box.inner_text()
        assert box.locator("svg.curve").count() == 1

        box.locator("button[data-do=changes]").click()
        ended(page, "What would have changed")
        report = page.inner_text(".reports tr[data-session=tuesday]")
        assert report.split("\t")[:4] == ["tuesday", "48", "36", "0"]
        assert page.locator(".reports tr[data-session=monday]").count() == 0
        assert "labelled cells that neither weights have seen" in box.inner_text()

        box.locator("button[data-do=promote]").click()
        confirm(page)
        ended(page, "Promoting")
        until(page, "document.querySelector('.candidate.used') !== null")
        page.click("#back")
        confirm(page)
        ended(page, "Going back")
        until(page, "document.querySelector('#use').textContent.startsWith('untaught (promoted, back ')")
    steps = json.loads((state / "weights" / "history.json").read_text())
    assert [(step["how"], step["by"]) for step in steps] == [
        ("forced", None),
        ("promoted", "A. Reader"),
        ("back", "A. Reader"),
    ]
