"""The ledger of a data set: where each picture came from, and what became of it."""

from maskdet.catalog.store import Catalog, exists, find_root, now

__all__ = ["Catalog", "exists", "find_root", "now"]
