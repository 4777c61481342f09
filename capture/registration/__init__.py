"""Where on the slide each field lies, and which of its leukocytes were seen before."""
