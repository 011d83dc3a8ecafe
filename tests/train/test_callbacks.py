from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from maskdet.train.callbacks import Backup, epochs_backed_up, go_on, save_weights
from maskdet.train.network import make_ready

RANDOM = np.random.default_rng(0)
FEATURES, TARGETS = RANDOM.normal(size=(32, 3)), RANDOM.normal(size=(32, 2))


def small() -> keras.Model:
    given = keras.Input((3,))
    model = keras.Model(given, keras.layers.Dense(2)(given))
    make_ready(model, keras.optimizers.Adam(0.1), keras.losses.MeanSquaredError())
    return model


def fit(model: keras.Model, folder: Path, epochs: int) -> None:
    begin = go_on(model, folder)
    model.fit(
        *(FEATURES, TARGETS),
        batch_size=8,
        initial_epoch=begin,
        epochs=epochs,
        shuffle=False,
        callbacks=[Backup(folder)],
        verbose=0,
    )


def state(model: keras.Model) -> list[np.ndarray]:
    return [np.array(v) for v in (*model.weights, *model.optimizer.variables)]


def test_a_run_goes_on_as_if_it_had_not_been_stopped(tmp_path: Path) -> None:
    whole, first, second = small(), small(), small()
    first.set_weights(whole.get_weights())
    (tmp_path / "whole").mkdir()
    fit(whole, tmp_path / "whole", 3)
    fit(first, tmp_path, 2)
    fit(second, tmp_path, 3)
    for pair in zip(state(whole), state(second), strict=True):
        np.testing.assert_allclose(*pair, rtol=1e-5)
    assert [path.name for path in tmp_path.glob("*.h5")] == ["epoch-3.weights.h5"]


def test_a_backup_that_is_cut_short_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, other = small(), small()
    fit(model, tmp_path, 1)
    before = state(model)

    def cut_short(model: keras.Model, path: Path, overwrite: bool) -> None:
        path.write_bytes(b"\x89HDF")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "save_weights", cut_short)
        with pytest.raises(KeyboardInterrupt):
            fit(model, tmp_path, 2)
    assert go_on(other, tmp_path) == epochs_backed_up(tmp_path) == 1
    for pair in zip(before, state(other), strict=True):
        np.testing.assert_array_equal(*pair)


def test_of_two_backups_the_later_one_counts(tmp_path: Path) -> None:
    for number in (9, 10):
        save_weights(small(), tmp_path / f"epoch-{number}.weights.h5")
    assert epochs_backed_up(tmp_path) == 10
