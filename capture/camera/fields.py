"""Decide which pictures are taken: those of a stage at rest, on a field that is not the one taken last. Pure."""

from enum import Enum

from smearwatch.capture.arrays import Image
from smearwatch.capture.camera.likeness import ReducedPicture, find_shift, reduce_picture
from smearwatch.capture.camera.stage_at_rest import Rest

_SAME_PLACE = 0.6  # correlation: one field gives 0.9 and more however noisy, another at most 0.3
_BEYOND_SHARE = 0.04  # searched for a little farther than the limit, so that the limit itself is measured
_SHARPER = 1.4  # a field taken out of focus is taken again once it is sharper by this factor


class Stage(Enum):
    """What the stage does, by the newest picture."""

    MOVES = "moves"
    ON_TAKEN = "on_taken"  # rests where the last picture was taken
    ON_NEW = "on_new"  # rests on a field that is to be taken


class Fields:
    """Follows the stage from picture to picture.

    A field is new when the last one taken is not found in it within ``moved_share``, or when it is the same but
    clearly sharper: the first picture was taken before somebody had focused.

    Parameters
    ----------
    settle_s : float
        How long the picture must be still.
    moved_share : float
        A movement by more than this share of the field's width or height makes it a new one.
    pass_first : bool
        The field on which the stage rests at the beginning is of the slide before: it is not taken.

    Attributes
    ----------
    same_field : int
        How often the stage came to rest on the field taken last.
    missed : int
        Fields that were new and that the stage left before they could be taken.
    refocused : int
        Fields taken again because they had become sharper.
    passed : int
        Whether the field of the beginning was passed over.
    """

    def __init__(self, *, settle_s: float, moved_share: float, pass_first: bool = False) -> None:
        self._rest = Rest(settle_s=settle_s)
        self._moved_share = moved_share
        self._taken: ReducedPicture | None = None
        self._waiting: ReducedPicture | None = None
        self._newest: ReducedPicture | None = None
        self._stage = Stage.MOVES
        self._sharper = False
        self._at_start: ReducedPicture | None = None
        self._passing = pass_first
        self.passed = 0
        self.same_field = 0
        self.missed = 0
        self.refocused = 0

    def see(self, bgr: Image, at_s: float) -> Stage:
        """Take in the next picture.

        Parameters
        ----------
        bgr
            uint8 [height, width, 3].
        at_s
            When it was taken, seconds on any clock that does not go back.
        """
        picture = reduce_picture(bgr)
        self._at_start = picture if self._at_start is None else self._at_start
        before, self._stage = self._stage, self._judge(picture, at_s)
        if self._stage is Stage.ON_TAKEN and before is Stage.MOVES:
            self.same_field += 1
        if (
            self._waiting is not None
            and self._stage is not Stage.MOVES
            and not self._same_place(self._waiting, picture)
        ):
            self.missed += 1
            self._waiting = None
        if self._stage is Stage.ON_NEW and self._waiting is None:
            self._waiting = picture
        return self._stage

    def take(self) -> None:
        """Learn that the newest picture, of a stage `Stage.ON_NEW`, was taken."""
        self.refocused += self._sharper
        self._taken, self._waiting, self._stage, self._passing = self._newest, None, Stage.ON_TAKEN, False

    def _judge(self, picture: ReducedPicture, at_s: float) -> Stage:
        if not self._rest.see(picture, at_s):
            return Stage.MOVES
        self._newest, self._sharper = picture, False
        if self._passing and self._taken is None and self._at_start and self._same_place(self._at_start, picture):
            self._taken, self.passed = picture, 1
        if self._taken is None or not self._same_place(self._taken, picture):
            return Stage.ON_NEW
        self._sharper = not self._passing and picture.sharpness > _SHARPER * self._taken.sharpness
        return Stage.ON_NEW if self._sharper else Stage.ON_TAKEN

    def _same_place(self, before: ReducedPicture, now: ReducedPicture) -> bool:
        if before.grey.shape != now.grey.shape:
            return False
        if self._rest.unmoved(before, now):
            return True
        moved, correlation = find_shift(before, now, reach_share=self._moved_share + _BEYOND_SHARE)
        return correlation >= _SAME_PLACE and moved <= self._moved_share
