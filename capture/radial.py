"""Closed lines around a middle, found by dynamic programming over angles."""

import numpy as np
import numpy.typing as npt

Worth = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]


def closed_outlines(worth: Worth, *, most_step: int, step_cost: float) -> Places:
    """Choose one radius for every angle, so that the line is worth most and closes.

    The line is followed for a turn and a half, so that the turn in their middle knows nothing of where it began.

    Parameters
    ----------
    worth
        float32 [n, angles, radii], what passing at each radius is worth; all n lines are found at once.
    most_step
        By how many radii the line may move from one angle to the next.
    step_cost
        What each of these steps costs.

    Returns
    -------
    numpy.ndarray
        intp [n, angles], the number of the radius.
    """
    count, angles, radii = worth.shape
    margin = angles // 4
    turns = np.concatenate([worth[:, angles - margin :], worth, worth[:, :margin]], axis=1)
    length = turns.shape[1]
    score = np.full((count, radii + 2 * most_step), -np.inf, dtype=np.float32)
    inner = slice(most_step, most_step + radii)
    score[:, inner] = turns[:, 0]
    chosen = np.zeros((length, count, radii), dtype=np.int8)
    for angle in range(1, length):
        best, step = score[:, inner].copy(), chosen[angle]
        for by in range(1, most_step + 1):
            for way in (-by, by):
                other = score[:, most_step + way : most_step + way + radii] - np.float32(step_cost * by)
                better = other > best
                np.copyto(best, other, where=better)
                step[better] = way
        score[:, inner] = best + turns[:, angle]
    places = np.zeros((count, length), dtype=np.intp)
    places[:, -1] = score[:, inner].argmax(axis=1)
    every = np.arange(count)
    for angle in range(length - 1, 0, -1):
        places[:, angle - 1] = places[:, angle] + chosen[angle, every, places[:, angle]]
    return places[:, margin : margin + angles]
