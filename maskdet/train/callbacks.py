"""What a run keeps after each epoch, so that it can be stopped and resumed at any moment."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from maskdet.files import write_bytes

log = logging.getLogger(__name__)

METRIC = "val_macro_f1"
"""What the best epoch of a classifier is chosen by."""

_LEAST_RATE = 0.02
"""Part of the learning rate at which a run begins and ends."""

_FILE = "history.json"
_BACKUP = "epoch-{}.weights.h5"


def read_history(folder: Path) -> list[dict[str, float]]:
    """Return the figures of the epochs that are done, from epoch 0, the head alone, on."""
    path = folder / _FILE
    if not path.is_file():
        return []
    history: list[dict[str, float]] = json.loads(path.read_text(encoding="utf-8"))
    return history


def start_history(folder: Path, figures: dict[str, Any]) -> None:
    """Write epoch 0: what the head alone comes to, before fine-tuning, or a network untrained."""
    _write_history(folder, [], 0, figures)


def _write_history(
    folder: Path, before: list[dict[str, float]], epoch: int, logs: dict[str, Any]
) -> None:
    figures = {name: round(float(value), 5) for name, value in logs.items()}
    history = [*before, {"epoch": epoch, **figures}]
    write_bytes(folder / _FILE, json.dumps(history, indent=1).encode())
    log.info("epoch %d: %s", epoch, " ".join(f"{k} {v:g}" for k, v in figures.items()))


def save_weights(model: keras.Model, path: Path) -> None:
    """Save a model's weights (``*.weights.h5``), whole or not at all."""
    beside = path.with_name("new.weights.h5")
    model.save_weights(beside, overwrite=True)
    beside.replace(path)


def load_weights(model: keras.Model, path: Path) -> None:
    """Load what ``save_weights`` saved, of the network alone."""
    with warnings.catch_warnings():
        # The optimizer that was saved along, or was not, is another one.
        warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
        model.load_weights(path)


def train_and_keep_best(
    model: keras.Model,
    best: BestKeeper,
    measure: Callable[[], dict[str, Any]],
    train: Callable[[], None] | None,
) -> bool:
    """Train, and load the weights of the best epoch.

    Args:
        model: the network.
        best: keeps the best epoch in the run's folder.
        measure: returns the figures of epoch 0, the network before training.
        train: trains the rest of the epochs; None where there are none.

    Returns:
        Whether Ctrl-C ended the training.
    """
    if not best.path.exists():
        start_history(best.folder, measure())
        save_weights(model, best.path)
    interrupted = False
    try:
        if train and not best.ended():
            train()
    except KeyboardInterrupt:
        interrupted = True
    load_weights(model, best.path)
    return interrupted


def warm_cosine(
    rate: float, epochs: int, steps: int, warm_up: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return a learning rate that rises, and then falls by a cosine.

    Args:
        rate: the highest.
        epochs: of the run.
        steps: of an epoch.
        warm_up: steps of the rise.
    """
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=_LEAST_RATE * rate,
        warmup_target=rate,
        warmup_steps=warm_up,
        decay_steps=max(1, epochs * steps - warm_up),
        alpha=_LEAST_RATE,
    )


def epochs_backed_up(folder: Path) -> int:
    """Return after how many epochs ``Backup`` was there last."""
    return max((_epoch(path) for path in _backups(folder)), default=0)


def go_on(model: keras.Model, folder: Path) -> int:
    """Load the weights and the optimizer that ``Backup`` kept last, if there are any.

    Args:
        model: compiled, its optimizer built.
        folder: of the run.

    Returns:
        How many epochs are done.
    """
    done = epochs_backed_up(folder)
    if done:
        model.load_weights(folder / _BACKUP.format(done))
    return done


def _backups(folder: Path) -> list[Path]:
    return list(folder.glob(_BACKUP.format("*")))


def _epoch(backup: Path) -> int:
    return int(backup.name.partition(".")[0].partition("-")[2])


class Backup(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps weights and optimizer after each epoch, for ``go_on``.

    Keras' own callback writes into the file that it kept before, and Ctrl-C may halve that. This
    one comes last: an epoch counts as done only when all else about it has been kept.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        before = _backups(self.folder)
        path = self.folder / _BACKUP.format(epoch + 1)
        save_weights(self.model, path)
        for old in before:
            if old != path:
                old.unlink()


class History(keras.callbacks.Callback):  # type: ignore[misc]
    """Appends each epoch's figures to ``history.json`` in a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # Keras counts from 0. An epoch that was cut off before its backup replaces its line.
        done = read_history(self.folder)[: epoch + 1]
        _write_history(self.folder, done, epoch + 1, logs or {})


class BestKeeper(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the weights of the best epoch, and stops when none is better for ``patience``.

    Unlike Keras' own callbacks for that, it takes up where a resumed run left off: it has no
    state but the history on disk. It must come after ``History`` in the list. The best is the
    one with the highest ``metric``.
    """

    def __init__(self, folder: Path, patience: int, metric: str = METRIC) -> None:
        super().__init__()
        self.folder = folder
        self.patience = patience
        self.metric = metric
        self.path = folder / "best.weights.h5"

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self._since_best() == 0:
            save_weights(self.model, self.path)
        if self.ended():
            self.model.stop_training = True

    def ended(self) -> bool:
        """Return whether the epochs that are done have been enough.

        Keras forgets at the beginning of ``fit`` that a run was stopped.
        """
        return self._since_best() >= self.patience

    def _since_best(self) -> int:
        values = [figures[self.metric] for figures in read_history(self.folder)]
        return len(values) - 1 - values.index(max(values))
