"""Register fields with each other: where each lies on the slide, and which of its leukocytes were seen before."""
