"""The version of the finder: what it makes of a field's bytes."""

FINDER_VERSION = 5
"""Raise it with every change by which a field gives other cells, other outlines or other crops.

What was found or cut by another version is then found and cut anew. It covers every step: decoding, scale, light,
quality, outlines and crops. A test over golden pictures fails where the output changes and this number does not.
"""
