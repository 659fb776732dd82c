"""Wrong labels: which ones networks doubt, and runs that leave images out."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core import data as datasets
from core.data import Dataset
from core.data.mnist import DATASET as MNIST
from core.errors import DataError, Stopped, UsageError
from core.specs import DataSpec, RunSpec, TrainSpec, changed, dense_network, optimizer_spec
from core.training import doubts, images
from core.training.run import run


def digits(n: int = 1000) -> Dataset:
    """The first images of the sample, and all its test images."""
    sample = datasets.load(datasets.locate(MNIST))
    x, y = sample.x_train[:n], sample.y_train[:n]
    part = sample.arrays._replace(x_train=x, y_train=y)
    return replace(sample, arrays=part)


# Left out


def test_which_images_are_left_out_is_sorted_and_checked() -> None:
    given: Any = [7, 3, np.int64(7)]
    spec = DataSpec("mnist", without=given)
    assert spec == DataSpec("mnist", without=(3, 7))
    assert all(type(number) is int for number in spec.without)
    for wrong in ((-1,), (1.5,), ("a",), (True,)):
        with pytest.raises(UsageError, match=r"Image is .*: give a whole number from 0"):
            DataSpec("mnist", without=wrong)  # type: ignore[arg-type]


def test_a_run_without_some_images_has_another_key_and_comes_back_from_json() -> None:
    spec = RunSpec(DataSpec("mnist"), dense_network(), optimizer_spec("sgd"), TrainSpec(1, 32, 0.2))
    assert "without" not in spec.to_dict()["data"]
    without = changed(spec, {"data": {"without": (3, 7)}})
    assert without.key != spec.key
    assert without.key == changed(spec, {"data": {"without": (7, 3)}}).key
    again = RunSpec.from_dict(json.loads(json.dumps(without.to_dict())))
    assert (again, again.key) == (without, without.key)


def test_images_are_left_out_by_their_numbers_and_no_others_take_their_place() -> None:
    data = digits(100)
    spec = DataSpec.of(data)
    rest = [n for n in range(100) if n not in (0, 50)]
    chosen = images.chosen(data, replace(spec, without=(0, 50)))
    np.testing.assert_array_equal(chosen.x_train, data.x_train[rest])
    np.testing.assert_array_equal(chosen.y_train, data.y_train[rest])
    assert chosen.x_test is data.x_test
    first = replace(spec, images=60, without=(0, 50, 70))
    assert images.used(data, first).tolist() == [n for n in rest if n < 60]
    kept = np.ones(100, bool)
    kept[[0, 1, 2]] = False
    data.__dict__["duplicates"] = data.duplicates._replace(kept=kept)
    unique = replace(first, unique=True)
    assert images.used(data, unique).tolist() == [n for n in range(3, 63) if n != 50]


def test_a_number_that_no_image_has_is_one_sentence() -> None:
    data = digits(100)
    with pytest.raises(DataError, match="no training image 100 to leave out: MNIST has 100 here"):
        images.chosen(data, DataSpec("mnist", data.digest, without=(1, 100)))


def test_a_run_trains_on_the_rest_in_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.training import fit as training

    data, seen = digits(100), []
    images.receive(data)

    def fit(_model: object, _optimizer: object, x: Any, y: Any, *_others: object) -> None:
        seen.extend([x, y])
        raise Stopped("That will do.")

    monkeypatch.setattr(training, "fit", fit)
    spec = RunSpec(
        DataSpec("mnist", data.digest, without=(5, 99)),
        dense_network((4,)),
        optimizer_spec("sgd"),
        TrainSpec(1, 32, 0.2),
    )
    with pytest.raises(Stopped):
        run(spec, lambda moment: None)
    np.testing.assert_array_equal(seen[0], np.delete(data.x_train, (5, 99), axis=0))
    np.testing.assert_array_equal(seen[1], np.delete(data.y_train, (5, 99)))


# Doubted


def test_most_planted_wrong_labels_are_found_and_most_that_are_found_were_planted() -> None:
    data = digits()
    wrong = np.random.default_rng(0).choice(1000, 40, replace=False)
    y = data.y_train.copy()
    y[wrong] = (y[wrong] + 1) % 10
    planted = replace(data, arrays=data.arrays._replace(y_train=y))
    images.receive(planted)
    spec = changed(doubts.spec_for(DataSpec.of(planted)), {"network": dense_network((64,))})
    found = doubts.find(spec)
    assert found.images == 1000
    assert 0.7 < found.agreed < 0.96
    assert np.isin(wrong, found.numbers).mean() > 0.6
    assert np.isin(found.numbers[:20], wrong).mean() > 0.8
    np.testing.assert_array_less(found.probabilities[:, 1], found.probabilities[:, 0])
    assert (np.diff(found.probabilities[:, 1]) >= 0).all()
    right = [place for place, number in enumerate(found.numbers[:20]) if number in wrong]
    assert (found.predicted[right] == data.y_train[found.numbers[right]]).mean() > 0.8


def test_each_image_is_judged_by_a_network_that_never_saw_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from core.training import evaluation
    from core.training import fit as training

    trained: list[set[int]] = [set()]
    judged: list[set[bytes]] = []
    begun: list[list[float]] = []

    def epoch(steps: Any, order: Any, _on_call: object) -> None:
        variables = [*steps._model.variables, *steps._optimizer.variables]
        if not trained[-1]:
            begun.append([float(variable.numpy().sum()) for variable in variables])
        trained[-1].update(order.tolist())
        for variable in variables:
            variable.assign(variable + 1)

    def predict(_model: object, x: Any) -> Any:
        judged.append({image.tobytes() for image in x})
        trained.append(set())
        return np.full((len(x), 10), 0.1, np.float32)

    monkeypatch.setattr(training.CompiledSteps, "epoch", epoch)
    monkeypatch.setattr(evaluation, "predict", predict)
    data = digits(100)
    images.receive(data)
    spec = doubts.spec_for(DataSpec.of(data))
    assert spec.data.unique, "an equal image in another part would be known by heart"
    doubts.find(spec)
    x = images.chosen(data, spec.data).x_train
    assert len(judged) == doubts.FOLDS
    assert begun == [begun[0]] * doubts.FOLDS, "nothing is left of the network before"
    for known, asked in zip(trained, judged, strict=False):
        assert not {x[number].tobytes() for number in known} & asked
        assert len(known) + len(asked) == len(x)
    assert len(set.union(*judged)) == len(x)


@pytest.mark.parametrize("n", [1, 2])
def test_of_too_few_images_it_says_so(n: int) -> None:
    data = digits(n)
    images.receive(data)
    with pytest.raises(DataError, match="MNIST has too few training images here"):
        doubts.find(doubts.spec_for(DataSpec.of(data)))
