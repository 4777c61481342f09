"""From a file's bytes to pixels, and what the file states about itself."""
