"""Each laboratory left out of training in turn and measured on: what a microscope never met makes of the networks."""
