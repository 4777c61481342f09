"""An analyser's differential beside a session's: exact tests, and how many cells would settle a difference."""
