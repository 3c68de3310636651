"""Defects that are planted into a copy of the product, one after another, and must be found: a check that finds nothing in them
proves nothing about the product."""
