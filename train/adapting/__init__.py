"""From weights and a few dozen cells of one microscope to weights that know it, and still know the old cells."""
