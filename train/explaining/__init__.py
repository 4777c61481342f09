"""What the network looked at in one counted cell."""
