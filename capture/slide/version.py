"""The version of the renderer: how a simulated slide is drawn."""

RENDERER_VERSION = 1
"""Raise it with every change by which the same seed gives another picture.

Cells drawn by another version are other cells, even under the same seed: weights that met the old ones have not met
the new ones. A test over golden pictures fails where the pictures change and this number does not.
"""
