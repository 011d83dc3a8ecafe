"""From a phrase to checked pictures on disk, each with its origin in the ledger."""
