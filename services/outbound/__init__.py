"""Calls of URLs that customers give: guarded, bounded, and the same from wherever they are made."""
