"""The review page: a person sees each cell, names it, and reads both results, in a browser on this computer."""
