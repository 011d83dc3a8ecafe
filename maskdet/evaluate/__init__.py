"""Measuring a detector, a classifier or the whole pipeline against labelled photographs."""
