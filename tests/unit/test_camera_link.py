"""A camera whose reads hang: nobody else hangs with it, threads do not pile up, and it is taken up again."""

import threading
import time

import numpy as np
import pytest

from smearwatch.capture.camera.address import CameraAddress, CameraUnusable
from smearwatch.capture.camera.link import CameraLink
from smearwatch.capture.camera.opencv_stream import Grab
from tests.stage import wait_for

PICTURE = np.zeros((30, 40, 3), np.uint8)
PATIENCE_S = 2.0 * 0.5 + 1.0 + 0.1  # stall_s = 0.5


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


class Device:
    """A device that gives so many pictures each time it is opened, and then hangs until it is freed, or ends."""

    def __init__(self, *pictures, hangs=True):
        self.pictures = list(pictures)
        self.hangs = hangs
        self.freed = threading.Event()
        self.opened = self.closed = 0

    def open(self):
        self.opened += 1
        return Opened(self, self.pictures.pop(0) if self.pictures else 0)


class Opened:
    announced = 0

    def __init__(self, device, pictures):
        self._device = device
        self._left = pictures

    def grab(self):
        if self._left == 0 and self._device.hangs:
            self._device.freed.wait()
        self._left -= 1
        return self._left >= 0

    def picture(self):
        return Grab(PICTURE, time.time_ns(), time.monotonic())

    def close(self):
        self._device.closed += 1


def link_to(device, clock):
    return CameraLink(CameraAddress("device", "/dev/video0"), device.open, stall_s=0.5, clock=clock)


def lose(link, clock):
    """Let the patience with a hanging read run out."""
    lost = link.hung
    clock.now += PATIENCE_S
    wait_for(lambda: (link.next(0.0), link.hung > lost)[1], 5.0)


def test_a_read_that_hangs_is_given_up_and_the_camera_opened_again():
    clock, device = Clock(), Device(1, 1)
    link = link_to(device, clock)
    assert wait_for(lambda: link.next(0.1)) is not None
    began_s = time.monotonic()
    assert link.next(0.05) is None  # it hangs, and this does not
    assert time.monotonic() - began_s < 2.0
    assert link.lost == 0
    lose(link, clock)
    assert (link.lost, link.hung, link.opened) == (1, 1, 1)
    assert link.next(0.0) is None
    assert device.opened == 1  # not before its time
    clock.now += 0.6
    assert wait_for(lambda: link.next(0.1)) is not None
    assert (link.opened, link.read.pictures) == (2, 2)
    device.freed.set()
    link.close()
    wait_for(lambda: device.closed == 2)


def test_threads_that_hang_do_not_pile_up():
    clock, device = Clock(), Device(1)
    link = link_to(device, clock)
    wait_for(lambda: link.next(0.1))
    for _ in range(3):
        lose(link, clock)
        clock.now += 20.0
        link.next(0.0)
    assert device.opened == 3
    for _ in range(5):
        clock.now += 20.0
        assert link.next(0.0) is None
    assert device.opened == 3
    device.pictures = [5]
    device.freed.set()
    wait_for(lambda: device.closed == 3)
    assert wait_for(lambda: link.next(0.05)) is not None
    assert link.opened == 2
    link.close()


def test_attempts_come_at_longer_and_longer_intervals():
    clock, device = Clock(), Device(1, hangs=False)
    link = link_to(device, clock)
    wait_for(lambda: link.next(0.1))
    opened_at_s: list[float] = []
    wait_for(lambda: (link.next(0.1), link.lost)[1])
    while len(opened_at_s) < 6:
        before = device.opened
        clock.now += 0.25
        link.next(0.05)
        if device.opened > before:
            opened_at_s.append(clock.now)
            wait_for(lambda: (link.next(0.0), device.closed == device.opened)[1])
            link.next(0.05)
    assert list(np.diff(opened_at_s)) == pytest.approx([1.0, 2.0, 5.0, 10.0, 10.0], abs=0.3)
    assert link.lost == 1  # said once
    link.close()


@pytest.mark.parametrize("hangs", [True, False])
def test_one_that_never_gives_a_picture_is_unusable(hangs):
    clock, device = Clock(), Device(0, hangs=hangs)
    link = link_to(device, clock)
    link.next(0.1) if hangs else None
    clock.now += PATIENCE_S if hangs else 0.0
    with pytest.raises(CameraUnusable, match="opens and gives no picture"):
        wait_for(lambda: link.next(0.05))
    device.freed.set()
    link.close()
