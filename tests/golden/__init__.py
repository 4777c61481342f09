"""Golden pictures: what the renderer, the finder and the paper's outlines made when their versions were last raised."""
