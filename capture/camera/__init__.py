"""From a camera's stream to still pictures of new fields: address, stream, reading thread, rest of the stage."""
