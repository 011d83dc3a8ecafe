"""What can go wrong, each kind with the exit code of the command line.

Codes without a class here: 0 done, 1 a fault of ours, 2 wrong usage (click's
own), 10 ``detect --fail-on`` found its class, 130 interrupted, 141 nobody reads
the output any more.
"""


class MaskdetError(Exception):
    """Base of every error that maskdet raises on purpose.

    The message says what is wrong and what to do; ``exit_code`` is what the
    command line ends with.
    """

    exit_code = 1


class InputError(MaskdetError):
    """An image, a label file or a folder cannot be processed."""

    exit_code = 3


class OutputError(MaskdetError):
    """A result cannot be written."""

    exit_code = 3


class ModelError(MaskdetError):
    """A model or its weights are missing, altered or of a refused kind."""

    exit_code = 4


class CameraError(MaskdetError):
    """A camera or stream cannot be opened."""

    exit_code = 5


class NetworkError(MaskdetError):
    """A network service refuses, or answers nothing usable."""

    exit_code = 6
