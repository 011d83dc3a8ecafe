"""How trying an address can end without a picture."""

from maskdet.catalog.sources import Outcome


class Failure(Exception):  # noqa: N818 - an outcome, not a fault
    """An address gives no picture: ``outcome`` and ``reason`` go into the ledger.

    ``host_closed`` says that the host wants to be left alone for longer than we wait.
    """

    def __init__(self, outcome: Outcome, reason: str, host_closed: bool = False) -> None:
        super().__init__(reason)
        self.outcome, self.reason, self.host_closed = outcome, reason, host_closed
