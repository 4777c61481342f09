"""How quickly fields go through the finder, and what it remembers of them."""
