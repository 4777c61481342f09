"""The columns of the table of cells, and what each of them means."""

from typing import Final

from smearwatch.clients.exports.columns import Column
from smearwatch.daemon.record.drift_words import MEASURES
from smearwatch.daemon.record.events import CLASSES

_STAINED: Final = (("nucleus", "the leukocytes' nuclei"), ("red_cells", "its red cells"))

COLUMNS: Final = (
    Column("session", "text", "the session"),
    Column("frame", "text", "the frame, by the SHA-256 of its bytes"),
    Column("name", "text", "the frame's file name"),
    Column("captured_at", "time", "when the frame was taken or written"),
    Column("index", "integer", "the cell's number in its frame; with `frame` it names the cell"),
    Column(
        "number",
        "integer",
        "the leukocyte's number on the review page, the same for all its views; empty for what is cut by the edge",
    ),
    Column(
        "state",
        "text",
        "`counted`; or why not: `rejected` (by the machine), `at_edge` (cut by the frame's edge), `seen_again` (the "
        "same leukocyte in an earlier frame), `pending` (no verdict yet)",
    ),
    Column("counted", "yes/no", "whether it is one of the leukocytes as counted: so many True, so many cells"),
    Column("class", "text", "the machine's class; empty where the cell is not counted"),
    Column("verdict", "text", "`confirmed`, `corrected`, `flagged` or `rejected`"),
    *(Column(f"probability_{name}", "number", f"the machine's calibrated probability of {name}") for name in CLASSES),
    *(Column(f"verifier_{name}", "number", f"the verifier's answer for {name}, 0 to 1") for name in CLASSES),
    Column("reject_score", "number", "how surely it is none of the classes, 0 to 1"),
    Column("x_px", "integer", "left edge of the cell's box in the frame", "px"),
    Column("y_px", "integer", "upper edge of its box", "px"),
    Column("width_px", "integer", "width of its box", "px"),
    Column("height_px", "integer", "height of its box", "px"),
    Column("centre_x_px", "number", "its centre from the frame's left edge", "px"),
    Column("centre_y_px", "number", "its centre from the frame's upper edge", "px"),
    Column("area_um2", "number", "its area", "um2"),
    Column("um_per_px", "number", "the frame's scale", "um/px"),
    Column("um_per_px_source", "text", "where that scale came from"),
    Column("focus", "number", "how sharp the frame is"),
    Column("weights", "text", "identity of the weights that gave the verdict"),
    Column("label", "text", "what a person calls it; write labels here and give the table to `sessions label`"),
    Column("labelled_by", "text", "who called it so"),
    Column("label_number", "integer", "the number of that label among all it had; leave it as it is"),
    *(Column(f"look_{name}", "number", f"appearance before the stain was standardised: {name}") for name in MEASURES),
    Column("drift", "yes/no", "whether it was judged under a drift alarm"),
    Column("counted_frame", "text", "the frame under which this leukocyte is counted"),
    Column("counted_index", "integer", "its number there"),
    Column("views", "integer", "in how many frames it is seen whole"),
    Column("best_frame", "text", "the frame of the view that its verdict stands on"),
    Column("best_index", "integer", "its number there"),
    Column("judged_again", "integer", "how many of its verdicts were replaced by one on a better view"),
    *(
        Column(f"stain_{part}_{colour}", "number", f"the session's stain in {colour}: {of}", "optical density")
        for part, of in _STAINED
        for colour in ("blue", "green", "red")
    ),
    Column("red_cell_um", "number", "the session's red cells by the scale in use", "um"),
    Column("unfamiliar", "yes/no", "whether it is unlike all that the weights were trained on"),
    Column("mark", "text", "why the session's percentages as counted may be wrong; empty for nothing"),
    Column("nucleus_widest_um", "number", "a neutrophil's nucleus at its widest", "um"),
    Column("nucleus_narrowest_um", "number", "the same at its narrowest", "um"),
    Column("nucleus_length_um", "number", "its length", "um"),
    Column("nucleus_long_to_short", "number", "length to width"),
    Column("nucleus_lobes", "integer", "its lobes"),
    Column("band_rule", "text", "the session's rule, where it can be applied"),
    Column("band_rule_says", "text", "what the rule makes of the measures; it changes no verdict"),
    Column("reviewed_as", "text", "its name in the reviewed result: the person's, or the class where there is none"),
    Column("counted_reviewed", "yes/no", "whether it is one of the leukocytes of the reviewed result"),
    Column("specimen", "text", "of the session: the specimen's or order's number"),
    Column("title", "text", "of the session: its title"),
    Column("operator", "text", "of the session: who operates"),
    Column("signed_by", "text", "of the session: whose signature holds"),
    Column("signed_at", "time", "of the session: when it was signed"),
    Column("drawn", "yes/no", "whether it was named out of the random review"),
    Column("draw_number", "integer", "its place in the random order"),
)
