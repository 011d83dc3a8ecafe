"""Labels on disk, and how a labelled set is split."""
