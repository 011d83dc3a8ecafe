"""Masks, and what else may hide a mouth, put on the bare faces of photographs."""
