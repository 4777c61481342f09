"""Where frames come from: a watched folder, a recorded session; one protocol."""
