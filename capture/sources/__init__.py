"""Where frames come from: a watched folder, a camera, a recorded session, a simulated slide; one protocol."""
