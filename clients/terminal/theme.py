"""Two calm themes in the colours of a Giemsa-stained smear: azure, violet, eosin."""

import os

from textual.theme import Theme

DARK = Theme(
    name="smear-dark",
    primary="#9d8ce0",
    secondary="#6fa8d8",
    accent="#e59ab0",
    success="#86c29a",
    warning="#e3b566",
    error="#e5786d",
    foreground="#e4e2ec",
    background="#17151e",
    surface="#1e1b28",
    panel="#282435",
    dark=True,
    variables={"footer-key-foreground": "#9d8ce0", "footer-background": "#17151e"},
)

LIGHT = Theme(
    name="smear-light",
    primary="#6a52b8",
    secondary="#2f6ea6",
    accent="#b34a6b",
    success="#2f7d4c",
    warning="#94620a",
    error="#b3362b",
    foreground="#25222e",
    background="#fbfafd",
    surface="#f3f1f8",
    panel="#e7e3f0",
    dark=False,
    variables={"footer-key-foreground": "#6a52b8", "footer-background": "#fbfafd"},
)


def initial_theme() -> str:
    """Return the theme that suits the terminal's background, where the terminal says what that is.

    Several terminals set COLORFGBG to ``foreground;background`` in the 16 ANSI colours; 7 and 15 are the light ones.
    """
    background = os.environ.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT.name if background in ("7", "15") else DARK.name
