"""The command line as it is called: `python -m core` in a process of its own."""

import gzip
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import psutil  # type: ignore[import-untyped]
import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw

import core
from core import data as datasets
from core.cli import train as train_command
from core.cli.main import main
from core.cli.options import run_options
from core.cli.study import _verdict
from core.data.fashion_mnist import FILES as FASHION
from core.data.mnist import DATASET as MNIST
from core.drawing import preparation as drawing
from core.errors import UsageError
from core.labs import LABS
from core.networks.frozen import Pretrained
from core.networks.layers import Channel, Conv2D, Dense, Flatten, MaxPooling2D
from core.specs import NetworkSpec, RunSpec, with_settings
from core.store import Run, Store
from core.studies.statistics import Difference

ROOT = Path(datasets.__file__).parents[2]
PATIENCE = 400

SMALL = [
    "--hidden",
    "8",
    "--epochs",
    "2",
    "--batch-size",
    "50",
    "--validation-split",
    "0.2",
    "--seed",
    "3",
]
"""The run of these tests."""
LONG = ["--hidden", "256,256", "--epochs", "100", "--batch-size", "2"]

Done = subprocess.CompletedProcess[str]


def lab(*arguments: str | Path, patience: float = PATIENCE, **environment: str | Path) -> Done:
    """Call the command line and return how it ended."""
    return subprocess.run(
        [sys.executable, "-m", "core", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **{name: str(value) for name, value in environment.items()}},
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
    )


def in_process(*arguments: str | Path) -> Done:
    """The same without a process of its own, which is faster; for what is refused at once."""
    result = CliRunner().invoke(main, [*map(str, arguments)])
    return Done(arguments, result.exit_code, result.stdout, result.stderr)


def refused(done: Done, status: int) -> str:
    """The one sentence on standard error with which a call ended, and nothing else."""
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    *note, line = done.stderr.splitlines()
    assert all(other.startswith("Note: ") for other in note), done.stderr
    assert line.startswith("Error: ")
    assert line.endswith(".")
    return line.removeprefix("Error: ")


def one_json(done: Done) -> Any:
    """The JSON on standard output, which is one line and has no NaN."""
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1

    def no_constant(name: str) -> None:
        pytest.fail(f"{name} is no JSON")

    return json.loads(done.stdout, parse_constant=no_constant)


@pytest.fixture
def data(small_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_DATA", str(small_mnist))
    return small_mnist


@pytest.fixture(scope="module")
def first_answer(tmp_path_factory: pytest.TempPathFactory, small_mnist: Path) -> tuple[Path, Done]:
    """A cache with the run SMALL in it, and how `train --json` answered."""
    cache = tmp_path_factory.mktemp("trained")
    done = lab("train", *SMALL, "--json", LAB_CACHE=cache, LAB_DATA=small_mnist, LAB_OFFLINE="1")
    return cache, done


@pytest.fixture
def trained(first_answer: tuple[Path, Done], data: Path, cache: Path) -> Path:
    """A copy of that cache for this test."""
    shutil.copytree(first_answer[0], cache)
    return cache


# data


def test_data_lists_what_there_is_and_what_there_is_not(cache: Path) -> None:
    done = lab("data")
    assert done.returncode == 0
    assert done.stderr == ""
    mnist, fashion = done.stdout.split("Fashion-MNIST (fashion-mnist)\n")
    assert mnist.startswith("MNIST (mnist)\n")
    assert "source: sample" in mnist
    assert "4,000 to train, 1,000 to test" in mnist
    assert re.search(r"content: sha256 [0-9a-f]{64}\n", mnist)
    assert "licence: " in mnist
    assert "not the full set but a sample. For the full set: python -m core data fetch m" in mnist
    assert "duplicates: 0 within the training images" in mnist
    assert "but letters drawn here from 46 fonts, not notMNIST. For the full set put" in mnist
    assert f"put notMNIST_large.tar.gz into {cache / 'datasets'}." in mnist
    # On Debian the images may be there as a package.
    assert "data fetch fashion-mnist" in fashion or "source: system" in fashion


@pytest.mark.slow
def test_data_names_the_files_of_lab_data(data: Path) -> None:
    done = lab("data")
    assert "source: LAB_DATA" in done.stdout
    assert "1,000 to train, 200 to test" in done.stdout
    assert re.search(rf"{data}/mnist.npz  sha256 [0-9a-f]{{64}}\n", done.stdout)


@pytest.mark.slow
def test_data_lists_a_damaged_file_as_damaged(tmp_path: Path) -> None:
    (tmp_path / "mnist.npz").write_bytes(b"PK damaged")
    done = lab("data", LAB_DATA=tmp_path)
    assert done.returncode == 0
    assert done.stderr == ""
    assert f"MNIST in {tmp_path} is damaged" in done.stdout
    assert "Fashion-MNIST" in done.stdout


def test_fetching_an_unknown_data_set_names_the_known_ones() -> None:
    sentence = refused(in_process("data", "fetch", "foo"), 2)
    assert (
        sentence == "There is no data set foo: choose one of mnist, notmnist, fashion-mnist, signs."
    )


def test_fetching_without_a_network_is_one_sentence_and_leaves_no_file(cache: Path) -> None:
    sentence = refused(lab("data", "fetch", "mnist", LAB_OFFLINE="0"), 1)
    assert "could not be downloaded" in sentence
    assert [path for path in cache.rglob("*") if path.is_file()] == []


# train


def test_train_prints_one_json_object(first_answer: tuple[Path, Done]) -> None:
    answer = one_json(first_answer[1])
    assert list(answer) == [
        "run", "cached", "dataset", "spec", "epochs", "test_loss", "test_accuracy",
        "misclassified", "train_seconds", "finished", "versions",
    ]  # fmt: skip
    assert answer["cached"] is False
    assert answer["dataset"].items() >= {
        "name": "mnist",
        "source": "LAB_DATA",
        "train": 800,
        "validation": 200,
        "test": 200,
    }.items()  # fmt: skip
    assert answer["dataset"]["complete"] is False
    assert set(answer["versions"]) == {"keras", "tensorflow"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", answer["finished"])
    assert list(answer["spec"]) == ["data", "model", "optimizer", "train"]
    assert set(answer["spec"]["data"]) == {"name", "digest"}
    assert answer["spec"]["model"].items() >= {"hidden": [8], "activation": "relu"}.items()
    assert answer["spec"]["optimizer"] == {"name": "adam", "learning_rate": 0.001}
    assert (
        answer["spec"]["train"].items()
        >= {
            "epochs": 2,
            "batch_size": 50,
            "validation_split": 0.2,
            "seed": 3,
        }.items()
    )
    columns = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
    assert [list(row) for row in answer["epochs"]] == [columns] * 2
    assert [row["epoch"] for row in answer["epochs"]] == [1, 2]
    assert all(type(row[name]) is float for row in answer["epochs"] for name in columns[1:])
    assert answer["misclassified"] == round(200 * (1 - answer["test_accuracy"]))
    assert answer["train_seconds"] > 0
    assert Store(first_answer[0]).find(answer["run"])


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        ([], {}),
        (["--l2", "0.1", "--dropout", "0,0.2"], {"l2": 0.1, "dropout": (0, 0.2)}),
        (["--batch-normalisation", "--l1", "0.1"], {"batch_normalisation": True, "l1": 0.1}),
        (["--batch-normalisation", "true,false"], {"batch_normalisation": (True, False)}),
        (["--activation", "tanh,relu"], {"activation": ("tanh", "relu")}),
        (["--initializer", "he_normal"], {"initializer": "he_normal"}),
        (
            ["--schedule", "time decay=0.002 warmup=1"],
            {"schedule": "time", "schedule_parameters": {"decay": 0.002, "warmup": 1}},
        ),
        (["--schedule", "cosine", "--early-stopping", "2"],
         {"schedule": "cosine", "early_stopping": 2}),
        (["--schedule", "none"], {}),
        (["--augmentation", "moves zoom=0"], {"augmentation": "moves zoom=0"}),
        (["--images", "100"], {"images": 100}),
    ],
    ids=str,
)  # fmt: skip
def test_options_are_the_settings_of_the_library(
    options: list[str], settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    asked: list[RunSpec] = []

    def trained(spec: RunSpec, *others: object) -> Run:
        asked.append(spec)
        raise UsageError("That will do.")

    monkeypatch.setattr("core.cli.train.train_one", trained)
    monkeypatch.setattr(core, "_trained", trained)
    refused(in_process("train", "--hidden", "8,4", *options), 2)
    with pytest.raises(UsageError):
        core.train(hidden=(8, 4), **settings)
    assert asked[0] == asked[1]
    assert with_settings(asked[0], settings) == asked[0]


def test_layers_in_any_order_are_an_option_and_an_argument(
    monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    asked: list[RunSpec] = []

    def trained(spec: RunSpec, *others: object) -> Run:
        asked.append(spec)
        raise UsageError("That will do.")

    monkeypatch.setattr("core.cli.train.train_one", trained)
    monkeypatch.setattr(core, "_trained", trained)
    text = "channel, Conv2D 4 3 relu padding=same, MaxPooling2D 3, Flatten"
    refused(in_process("train", "--stack", text), 2)
    with pytest.raises(UsageError):
        core.train(stack=text)
    layers = (Channel(), Conv2D(4, 3, "relu", padding="same"), MaxPooling2D(3), Flatten())
    assert asked[0].network.layers == asked[1].network.layers == layers


def test_so_is_what_a_network_begins_with(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    asked: list[RunSpec] = []
    monkeypatch.setattr("core.cli.train.train_one", lambda spec, _: asked.append(spec))
    monkeypatch.setattr(core, "_trained", lambda spec, *_: asked.append(spec))
    of_base = ["--base", "lite0", "--side", "48", "--scaling", "225"]
    in_process("train", *of_base, "--hidden", "5")
    core.train(base="lite0", side=48, scaling="225", hidden=5)
    assert asked[0] == asked[1]
    wanted = (Pretrained("lite0", 48, "225"), Dense(5, "relu"))
    assert asked[0].network == NetworkSpec(wanted)


def test_train_without_a_terminal_shows_no_escape_codes(first_answer: tuple[Path, Done]) -> None:
    errors = first_answer[1].stderr
    assert "Epoch" in errors
    assert not re.search(r"[\r\x1b]|Traceback|WARNING|tensorflow|distributed", errors), errors


def test_the_second_call_answers_from_the_store_without_tensorflow(
    first_answer: tuple[Path, Done], trained: Path
) -> None:
    code = (
        "import sys\n"
        "from core.cli.main import main\n"
        "main(sys.argv[1:], standalone_mode=False)\n"
        "heavy = {'tensorflow', 'keras', 'distributed', 'sklearn'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code, "train", *SMALL, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert time.monotonic() - began < 4, "to import TensorFlow alone takes longer"
    assert done.stderr.splitlines()[-1] == "[]"
    assert one_json(done) == {**one_json(first_answer[1]), "cached": True}


def test_train_prints_a_table(trained: Path) -> None:
    done = lab("train", *SMALL)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
    assert [line.split()[0] for line in lines[1:3]] == ["1", "2"]
    assert re.fullmatch(r"Test accuracy 0\.\d{4}, test loss \d\.\d{4}", lines[3])
    assert re.fullmatch(r"\d+ of 200 test images misclassified", lines[4])
    assert re.fullmatch(r"mnist from LAB_DATA, seed 3, run mnist-[0-9a-f]{16}", lines[5])
    assert lines[6].startswith("From the store: ")
    assert len(lines) == 7


def test_a_sample_is_never_taken_for_the_full_set(trained: Path) -> None:
    done = lab("train", *SMALL)
    note = "Note: this is not all of MNIST but 1,000 + 200 images (a sample)."
    assert done.stderr.startswith(note)


@pytest.mark.slow
def test_a_damaged_run_is_trained_again(first_answer: tuple[Path, Done], trained: Path) -> None:
    key = json.loads(first_answer[1].stdout)["run"]
    (trained / "runs" / key / "model.keras").write_bytes(b"damaged")
    answer = one_json(lab("train", *SMALL, "--json"))
    assert (answer["run"], answer["cached"]) == (key, False)
    assert len(list((trained / "damaged").iterdir())) == 1


@pytest.mark.slow
def test_training_that_diverges_gives_null_in_valid_json(data: Path) -> None:
    wild = [
        "--hidden",
        "256,256",
        "--activation",
        "linear",
        "--optimizer",
        "sgd",
        "--learning-rate",
        "10",
    ]
    answer = one_json(lab("train", *SMALL, *wild, "--json"))
    assert answer["test_loss"] is None
    assert [row["loss"] for row in answer["epochs"]] == [None, None]
    assert 0 <= answer["test_accuracy"] <= 1
    table = lab("train", *SMALL, *wild)
    assert table.returncode == 0
    assert "nan" in table.stdout
    again = one_json(lab("runs", "--json"))
    assert again == [{**answer, "cached": True}]


@pytest.mark.slow
def test_an_experiment_of_another_lab_is_trained_by_its_name(data: Path) -> None:
    named = ["--lab", "optimizers", "--experiment", "sgd-nesterov"]
    answer = one_json(lab("train", *named, "--batch-size", "500", "--json"))
    assert answer["spec"]["model"].items() >= {"hidden": [256], "activation": "relu"}.items()
    assert answer["spec"]["optimizer"] == {
        "name": "sgd",
        "learning_rate": 0.01,
        "parameters": {"momentum": 0.5, "nesterov": True},
    }
    assert answer["spec"]["train"].items() >= {
        "epochs": 5, "batch_size": 500, "validation_split": 0.0, "seed": 0,
    }.items()  # fmt: skip
    assert [epoch["val_loss"] for epoch in answer["epochs"]] == [None] * 5
    columns = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
    assert list(answer["epochs"][0]) == [*columns, "test_loss", "test_accuracy"]


TWO_NAMES = "--experiment, --variant and --drawing-model each name a run: give one of them."
OF_DIGITS = "choose one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, drawing."
WRONG = {
    "--variant 10": f"digits has no experiment 10: {OF_DIGITS}",
    "--variant -1": f"digits has no experiment -1: {OF_DIGITS}",
    "--experiment 10": f"digits has no experiment 10: {OF_DIGITS}",
    "--lab optimizers --experiment 1": "optimizers has no experiment 1: choose one of rmsprop, ",
    "--lab optimizers --variant 1": "optimizers has no experiment 1: choose one of rmsprop, ",
    "--lab chess": "There is no lab chess: choose one of digits, letters, optimizers, signs.",
    "--experiment 1 --variant 1": TWO_NAMES,
    "--experiment drawing --drawing-model": TWO_NAMES,
    "--variant 1 --drawing-model": TWO_NAMES,
    "--dataset foo": (
        "There is no data set foo: choose one of mnist, notmnist, fashion-mnist, signs."
    ),
    "--hidden 0": "Neurons is 0: give a whole number from 1 to 1024.",
    "--hidden 1025": "Neurons is 1025: give a whole number from 1 to 1024.",
    "--hidden 1,1,1,1,1,1": "Hidden layers is 6: give a whole number from 0 to 5.",
    "--activation foo": "Activation is foo: choose one of relu, ",
    "--optimizer foo": "Optimizer is foo: choose one of adam, ",
    "--learning-rate 0": "Learning rate is 0.0: give a number from ",
    "--learning-rate 11": "Learning rate is 11.0: give a number from ",
    "--learning-rate nan": "Learning rate is nan: give a number from ",
    "--epochs 0": "Epochs is 0: give a whole number from 1 to 100.",
    "--epochs 101": "Epochs is 101: give a whole number from 1 to 100.",
    "--batch-size 0": "Batch size is 0: give a whole number from 1 to 1024.",
    "--validation-split 0.6": "Validation split is 0.6: give a number from 0 to 0.5.",
    "--validation-split nan": "Validation split is nan: give a number from 0 to 0.5.",
    "--learning-rate -0.1": "Learning rate is -0.1: give a number from ",
    "--optimizer sgd --parameter momentum=1.5": "Momentum is 1.5: give a number from 0.0 to 0.99",
    "--parameter beta_1=1.0": "Beta_1 is 1.0: give a number from 0.0 to 0.9999.",
    "--parameter rho=0.5": "Parameter is rho: choose one of beta_1, beta_2, epsilon, amsgrad.",
    "--l2 -1": "L2 is -1.0: give a number from 0 to 1.",
    "--dropout 1": "Dropout is 1.0: give a number from 0.0 to 0.9.",
    "--dropout 0.1,0.2": "Dropout has 2 values: give one, or one for each of 1 hidden layers.",
    "--l1 x": "L1 is x: give a number from 0 to 1.",
    "--batch-normalisation maybe": "Batch normalisation is maybe: give true or false.",
    "--initializer ones": "Initializer is ones: choose one of glorot_uniform, ",
    "--schedule magic": "Learning-rate schedule is magic: choose one of none, time, ",
    "--schedule plateau --validation-split 0": "Waiting for a plateau needs the validation loss: ",
    "--early-stopping 3 --validation-split 0": "Early stopping looks at the validation loss: ",
    "--stack Flatten --hidden 5": "This network has layers of its own: leave out ",
    "--stack Channel": "Dense cannot follow numbers of the shape 28 × 28 × 1: put Flatten before",
    "--augmentation turned": "Augmentation is turned: choose one of none, handwriting, moves.",
    "--drawing-model --l2 0.1": "This network has layers of its own: leave out ",
    "--images 0": "Number of images is 0: give a whole number from 1 to 1000000.",
    "--side 48": "--side and --scaling are those of a pre-trained base: give --base.",
    "--base resnet": "There is no base resnet: choose one of lite0, vgg16, mobilenet_v2, drawing, ",
    "--base lite0 --side 20": "Size of the images is 20: give a whole number from 32 to 224.",
    "--base lite0 --scaling 1": "Scaling is 1: choose one of own, 255, 225.",
    "--base drawing --side 48": "Size and scaling of the images are chosen for pre-trained",
    "--drawing-model --base lite0": "With a frozen base, choose how many changed copies of ",
    "--copies 3": "Only a frozen network sees changed copies of an image: leave them out.",
    "--seed -1": "Seed is -1: give a whole number from 0 to 2147483647.",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_value_outside_its_limits_is_refused_in_one_sentence(wrong: str, cache: Path) -> None:
    assert refused(in_process("train", "--json", *wrong.split()), 2).startswith(WRONG[wrong])
    assert not cache.exists()


@pytest.mark.parametrize(
    "wrong",
    ["--hidden x", "--hidden 8,", "--hidden=", "--epochs 1.5", "--epochs x", "--seed 1e3",
     "--parameter rho", "--parameter =1", "--learning-rate x", "--variant x", "--nonsense",
     "--early-stopping x",
     "extra"],
)  # fmt: skip
def test_what_is_no_value_at_all_is_refused_with_the_usage(wrong: str, cache: Path) -> None:
    done = in_process("train", "--json", *wrong.split(" "))
    assert done.returncode == 2
    assert done.stdout == ""
    usage, _hint, _empty, error = done.stderr.splitlines()
    assert usage.startswith("Usage: ")
    assert error.startswith("Error: ")
    assert not cache.exists()


@pytest.mark.parametrize("command", ["predict", "bench"])
def test_the_other_commands_refuse_the_same_values(command: str, tmp_path: Path) -> None:
    Image.new("L", (28, 28)).save(tmp_path / "x.png")
    images = [tmp_path / "x.png"] if command == "predict" else []
    done = lab(command, "--json", "--epochs", "0", *images)
    assert refused(done, 2) == WRONG["--epochs 0"]


@pytest.mark.parametrize("repeats", ["0", "101"])
def test_bench_refuses_other_repeats(repeats: str) -> None:
    sentence = refused(in_process("bench", "--repeats", repeats), 2)
    assert "give a whole number from 1 to 100" in sentence


@pytest.mark.parametrize("command", [["train", *SMALL], ["bench"], ["predict", "core/__init__.py"]])
def test_damaged_data_is_one_sentence(command: list[str], tmp_path: Path, cache: Path) -> None:
    (tmp_path / "mnist.npz").write_bytes(b"PK damaged")
    sentence = refused(lab(*command, LAB_DATA=tmp_path), 1)
    assert sentence.startswith(f"MNIST in {tmp_path} is damaged (")
    assert not cache.exists()


def test_a_data_set_that_is_not_there_says_how_to_get_it() -> None:
    if datasets.present(datasets.definition("fashion-mnist")):
        pytest.skip("Fashion-MNIST is installed on this system")
    sentence = refused(lab("train", "--dataset", "fashion-mnist"), 1)
    assert "`python -m core data fetch fashion-mnist`" in sentence


def test_a_base_that_is_not_there_says_how_to_get_it(data: Path) -> None:
    sentence = refused(in_process("train", "--base", "vgg16"), 1)
    assert sentence.startswith("The weights of VGG16 are not on this machine: put vgg16_weights_")


def test_all_variants_are_trained_as_they_are(data: Path) -> None:
    sentence = refused(in_process("train", "--all", "--batch-size", "128"), 2)
    assert sentence == "--all trains experiments as they are: leave out --batch-size."


def test_a_missing_set_is_passed_over_and_a_lab_trains_on_its_own_sets(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if datasets.present(datasets.definition("fashion-mnist")):
        pytest.skip("Fashion-MNIST is installed on this system")
    asked: list[RunSpec] = []
    monkeypatch.setattr(train_command, "train_many", lambda missing, store: asked.extend(missing))
    shapes = replace(LABS["digits"], name="shapes", datasets=("fashion-mnist",))
    monkeypatch.setitem(LABS, "shapes", shapes)
    main(["train", "--all"], standalone_mode=False)
    assert [spec.data.name for spec in asked] == ["mnist"] * 10
    notes = capsys.readouterr().err
    assert "Note: passed over. Fashion-MNIST is not on this machine" in notes
    asked.clear()
    main(["train", "--all", "--dataset", "mnist"], standalone_mode=False)
    assert len(asked) == 10  # and not once more for the other lab
    with pytest.raises(click.ClickException, match="set of --all is mnist: choose one of fashion-"):
        main(["train", "--all", "--lab", "shapes", "--dataset", "mnist"], standalone_mode=False)
    with pytest.raises(click.ClickException, match="Fashion-MNIST is not on this machine"):
        main(["train", "--all", "--lab", "shapes"], standalone_mode=False)
    assert len(asked) == 10


@pytest.mark.slow
def test_all_variants_are_trained_and_then_answered_from_the_store(data: Path) -> None:
    done = lab("train", "--all", "--dataset", "mnist")
    assert done.returncode == 0, done.stderr
    *lines, last = done.stdout.splitlines()
    assert [line.split()[:3] for line in lines] == [
        ["mnist", "variant", str(number)] for number in range(10)
    ]
    assert last.startswith("10 runs, 10 of them new, in ")
    again = json.loads(lab("train", "--all", "--dataset", "mnist", "--json").stdout)
    assert [run["cached"] for run in again] == [True] * 10


@pytest.mark.slow
def test_all_variants_on_both_full_sets(full_data: Path) -> None:
    done = lab("train", "--all", patience=900, LAB_DATA=full_data)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()[:-1]
    accuracies = [float(line.split("test accuracy ")[1].split()[0]) for line in lines]
    assert len(accuracies) == 20
    assert min(accuracies[:10]) > 0.95
    assert min(accuracies[10:]) > 0.83


@pytest.mark.parametrize("command", ["data", "train"])
def test_lab_data_must_be_a_folder(command: str, tmp_path: Path) -> None:
    sentence = refused(lab(command, LAB_DATA=tmp_path / "nothing"), 2)
    assert sentence.startswith(f"LAB_DATA names {tmp_path}/nothing, which is not a folder")


def test_a_cache_that_cannot_be_written_is_said_before_any_training(
    data: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    done = lab("train", *SMALL, LAB_CACHE=tmp_path / "file" / "cache")
    assert "cannot be written (Not a directory)" in refused(done, 1)
    assert "Starting" not in done.stderr


@pytest.mark.slow
def test_too_few_images_to_split_are_one_sentence(data: Path, tmp_path: Path) -> None:
    with np.load(data / "mnist.npz") as file:
        np.savez(tmp_path / "mnist.npz", **{name: file[name][:1] for name in file.files})
    done = lab("train", *SMALL, LAB_DATA=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    sentence = done.stderr.splitlines()[-1]
    assert (
        sentence == "Error: A validation split of 0.2 leaves one part of 1 images empty: change it."
    )


# Ctrl-C


def descendants(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


@pytest.mark.parametrize(
    ("command", "moment"),
    [
        ("one", "importing"),
        pytest.param("one", "running", marks=pytest.mark.slow),
        pytest.param("all", "starting", marks=pytest.mark.slow),
        pytest.param("all", "running", marks=pytest.mark.slow),
    ],
)
def test_ctrl_c_ends_everything_with_one_line(
    command: str, moment: str, data: Path, cache: Path
) -> None:
    # A shell that starts pytest in the background has it ignore Ctrl-C, and so would its children;
    # what a process handles itself is not passed on to them.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    arguments = LONG if command == "one" else ["--all", "--dataset", "mnist"]
    try:
        program = subprocess.Popen(
            [sys.executable, "-m", "core", "train", *arguments, "--json"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    end = time.monotonic() + PATIENCE

    def here() -> bool:
        claims = Store(cache).claims()
        if moment == "importing":
            return any(claim.state == "importing" for claim in claims)
        if moment == "starting":
            return bool(claims) and len(descendants(program.pid)) > 1
        return any(claim.epochs for claim in claims)

    while not here():
        assert program.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)
    workers = descendants(program.pid)
    assert bool(workers) == (command == "all")
    os.killpg(program.pid, signal.SIGINT)  # as a terminal does: to all of them
    output, errors = program.communicate(timeout=PATIENCE)

    assert program.returncode in (1, 130, -signal.SIGINT)
    assert output == ""
    assert "Traceback" not in errors, errors
    assert errors.splitlines()[-1] == "Aborted!"
    _, alive = psutil.wait_procs(workers, timeout=PATIENCE)
    assert not alive
    finished = {run.key for run in Store(cache).runs()}
    assert {folder.name for folder in cache.glob("runs/*")} == finished
    assert {claim.state for claim in Store(cache).claims()} == {"interrupted"}
    assert len(Store(cache).claims()) + len(finished) == (1 if command == "one" else 10)


# runs


STUDY = ["own", "--hidden", "256,256", "--activation", "linear", "--epochs", "1", "--seeds", "2"]
STUDY += ["--batch-size", "20", "--optimizer", "sgd", "--sweep", "learning_rate=10,0.01"]
"""A small study: two rows of two runs, of which those of the first diverge."""


@pytest.mark.slow
def test_a_study_prints_one_json_object_and_then_answers_from_the_store(data: Path) -> None:
    answer = one_json(lab("study", *STUDY, "--json"))
    assert list(answer) == ["study", "dataset", "rows", "seconds"]
    assert list(answer["dataset"]) == ["name", "source", "complete"]
    columns = [
        *("name", "published", "mean", "std", "f1", "gap", "own_test", "parameters", "seconds"),
        *("values", "diverged"),
    ]
    assert [list(row) for row in answer["rows"]] == [columns] * 2
    assert answer["study"] == "own"
    names = [row["name"] for row in answer["rows"]]
    assert names == ["SGD, learning_rate 10", "SGD, learning_rate 0.01"]
    bad, good = answer["rows"]
    assert bad["published"] is good["published"] is None
    assert (bad["values"], bad["mean"], bad["std"]) == ([], None, None)
    assert len(good["values"]) == 2
    assert good["mean"] == pytest.approx(np.mean(good["values"]))
    assert good["std"] == pytest.approx(np.std(good["values"], ddof=1))
    assert bad["diverged"] == [{"seed": 0, "epoch": 1}, {"seed": 1, "epoch": 1}]
    assert good["diverged"] == []
    assert not answer["dataset"]["complete"]
    again = one_json(lab("study", *STUDY, "--json"))
    assert again["rows"] == answer["rows"]
    assert again["seconds"] < answer["seconds"] / 5
    train = ["--hidden", "256,256", "--activation", "linear", "--epochs", "1", "--batch-size", "20"]
    train += ["--optimizer", "sgd", "--validation-split", "0", "--seed", "1"]
    run = one_json(lab("train", *train, "--json"))
    assert (run["cached"], run["test_accuracy"]) == (True, good["values"][1])
    assert all(0 <= epoch["test_accuracy"] <= 1 for epoch in run["epochs"])
    table = lab("study", *STUDY)
    assert "seed 0 diverged in epoch 1, seed 1 diverged in epoch 1" in table.stdout
    assert re.search(r"0\.01 +– +0\.\d{4} +0\.\d{4} +0\.\d{4} +– +2 ", table.stdout)
    assert re.search(r"rate 10 +– +– +– +– +– +2 ", table.stdout)
    assert "a sample, from LAB_DATA" in table.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            "L5",
            "There is no study L5: choose one of D2, D2-L2, D2-dropout, L4-A, ",
        ),
        ("L4-A --seeds 0", "Number of seeds is 0: give a whole number from 1 to 10."),
        ("L4-A --seeds 10000", "Number of seeds is 10000: give a whole number from 1 to 10."),
        (
            "L4-A --optimizer sgd",
            "--optimizer is for an own study: use `python -m core study own`.",
        ),
        ("L4-A --hidden none", "--hidden is for an own study: use"),
        ("L4-A --epochs 3", "--epochs is for an own study: use"),
        ("own", "No optimizer is chosen: choose at least one."),
        ("own --optimizer sgd --sweep learning_rate=0,01", "0,01: separate values by commas and"),
        ("own --optimizer sgd --sweep momentum=1.5", "Momentum is 1.5: give a number from 0.0"),
        ("own --optimizer sgd --sweep learning_rate=-1", "Learning rate is -1: give a number from"),
        ("own --optimizer adam --sweep beta_2=0.9,1.0", "Beta_2 is 1.0: give a number from 0.0"),
    ],
)
def test_a_study_that_cannot_be_is_one_sentence(arguments: str, sentence: str, cache: Path) -> None:
    assert refused(in_process("study", "--json", *arguments.split()), 2).startswith(sentence)
    assert not cache.exists()


def test_a_published_statement_needs_three_seeds() -> None:
    two = _verdict("no effect", "RMSprop", Difference(2, 0.01, None, None))
    assert two == '"no effect": at least 3 seeds are needed to tell.'
    three = _verdict("no effect", "RMSprop", Difference(3, 0.01, -0.01, 0.03, left_out=1))
    assert "against RMSprop +1.00 points, 95% interval -1.00 to +3.00." in three
    assert three.endswith("Seeds left out, because a run diverged: 1.")


def test_a_study_of_ten_thousand_runs_is_refused(data: Path, cache: Path) -> None:
    values = ",".join(f"{i / 1000:g}" for i in range(1, 1001))
    arguments = ["own", "--optimizer", "sgd", "--sweep", f"learning_rate={values}", "--seeds", "10"]
    sentence = refused(in_process("study", *arguments), 2)
    assert re.match(r"The study has 10,000 runs, which take about [\d.]+ hours", sentence)
    assert not cache.exists()


def test_a_long_study_asks_first(data: Path, cache: Path) -> None:
    long = ["own", "--hidden", ",".join(["1024"] * 5), "--epochs", "100", "--batch-size", "1"]
    for name in ("sgd", "adam", "nadam", "lion"):
        long += ["--optimizer", name]
    done = lab("study", *long, "--seeds", "10")
    assert done.returncode == 1
    assert re.search(r"40 runs, about \d+ minutes. Go on\?", done.stderr)
    assert not (cache / "runs").exists()


@pytest.mark.slow
def test_report_a_as_published_and_as_measured_before(full_data: Path) -> None:
    # The third column of the lab sheet: three runs of plain Keras 3.15.
    measured = [0.9769, 0.9743, 0.9753, 0.9428, 0.9118, 0.9254, 0.9773, 0.9762, 0.9658]
    done = subprocess.run(
        [sys.executable, "-m", "core", "study", "L4-A", "--seeds", "3", "--json"],
        cwd=ROOT,
        env={**os.environ, "LAB_DATA": str(full_data)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    rows = one_json(done)["rows"]
    assert [row["mean"] for row in rows] == pytest.approx(measured, abs=0.003)
    for row in rows:
        assert row["published"] is None or row["mean"] == pytest.approx(row["published"], abs=0.005)


def test_runs_of_an_empty_store() -> None:
    done = lab("runs")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "No runs yet: python -m core train --variant 0 makes one.\n"
    assert one_json(lab("runs", "--json")) == []


@pytest.mark.parametrize(("count", "words"), [(1, "1 run of"), (2, "2 runs of")])
def test_runs_says_that_there_are_runs_of_another_version(
    count: int, words: str, cache: Path
) -> None:
    for number in range(count):
        folder = cache / "runs" / f"mnist-{number}"
        folder.mkdir(parents=True)
        (folder / "run.json").write_text("{}")
    done = lab("runs", "--json")
    assert json.loads(done.stdout) == []
    assert f"Note: {words} another version of the lab" in done.stderr


def test_runs_lists_what_is_stored(first_answer: tuple[Path, Done], trained: Path) -> None:
    answer = json.loads(first_answer[1].stdout)
    line = lab("runs").stdout
    for part in (answer["run"], "2 epochs", "adam", "seed 3", "(not the full set)"):
        assert part in line
    assert line.count("\n") == 1
    assert one_json(lab("runs", "--json")) == [{**answer, "cached": True}]


def test_runs_passes_over_a_damaged_one(trained: Path) -> None:
    for path in (trained / "runs").glob("*/run.json"):
        path.write_text("{")
    assert one_json(lab("runs", "--json")) == []


# predict


def test_predict_recognises_pictures(trained: Path, tmp_path: Path) -> None:
    """Pictures of test images are answered as the run answered the images."""
    run = Store(trained).runs()[0]
    images = datasets.load(datasets.locate(MNIST)).arrays.x_test
    paths = []
    for index in range(3):
        paths.append(tmp_path / f"{index}.png")
        Image.fromarray(255 - images[index]).save(paths[-1])
    answers = one_json(lab("predict", *SMALL, "--json", *paths))
    assert [answer["image"] for answer in answers] == [str(path) for path in paths]
    for answer in answers:
        assert set(answer) == {"image", "label", "probabilities", "unsure"}
        assert len(answer["probabilities"]) == 10
        assert sum(answer["probabilities"]) == pytest.approx(1, abs=1e-5)
        assert answer["label"] == str(np.argmax(answer["probabilities"]))
    form = drawing.input_form(MNIST)
    steps = [
        drawing.prepare(drawing.read(path.read_bytes(), path.name), form).image for path in paths
    ]
    expected = run.network().probabilities(np.stack(steps))
    found = [answer["probabilities"] for answer in answers]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_predict_uses_the_drawing_model_when_nothing_is_said(tmp_path: Path) -> None:
    """On a fresh machine: an empty store, and of MNIST only the sample."""
    image = Image.new("L", (200, 200), "white")
    pen = ImageDraw.Draw(image)
    pen.line([(60, 50), (140, 50), (90, 160)], fill="black", width=12)
    image.save(tmp_path / "seven.png")
    Image.new("L", (50, 50), "white").save(tmp_path / "empty.png")
    (tmp_path / "text.png").write_text("7")
    names = ["seven.png", "empty.png", "text.png", "missing.png"]
    done = lab("predict", "--json", *(tmp_path / name for name in names))
    assert done.returncode == 1
    seven, empty, text, missing = json.loads(done.stdout)
    assert (seven["label"], seven["unsure"]) == ("7", False)
    assert (empty["label"], empty["unsure"]) == (None, True)
    assert text["error"].startswith("text.png cannot be read as a picture: ")
    assert missing["error"].endswith("(No such file or directory): check its name.")
    assert not re.search("Traceback|WARNING|tensorflow", done.stderr)


def test_predict_prints_a_line_for_each_picture_and_writes_the_steps(tmp_path: Path) -> None:
    Image.new("L", (50, 50), "white").save(tmp_path / "empty.png")
    done = lab("predict", "--steps", tmp_path / "empty.png")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path}/empty.png: nothing is drawn\n")
    names = ["original", *drawing.STEPS]
    written = [tmp_path / f"empty.{i}-{name}.png" for i, name in enumerate(names)]
    assert sorted(tmp_path.glob("*.png")) == sorted([tmp_path / "empty.png", *written])
    assert [Image.open(path).size for path in (written[0], written[-1])] == [(50, 50), (28, 28)]


@pytest.mark.parametrize("content", [b"", b"no picture", b"GIF89a"])
def test_predict_refuses_what_is_no_picture(content: bytes, trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "thing.png"
    path.write_bytes(content)
    sentence = refused(lab("predict", *SMALL, path), 1)
    assert sentence == ("thing.png cannot be read as a picture: give a whole PNG or JPEG file.")


def test_predict_needs_a_picture() -> None:
    assert lab("predict").returncode == 2


def test_predict_before_training_says_what_to_do_first(data: Path, tmp_path: Path) -> None:
    Image.new("L", (28, 28)).save(tmp_path / "x.png")
    sentence = refused(lab("predict", *SMALL, tmp_path / "x.png"), 1)
    assert sentence.startswith("This run is not trained yet: ")


@pytest.mark.slow
def test_the_drawing_model_of_a_lab_reads_whatever_names_the_lab_and_its_data(
    tmp_path: Path, cache: Path
) -> None:
    Image.new("L", (28, 28)).save(tmp_path / "x.png")
    by_itself = one_json(lab("predict", "--json", tmp_path / "x.png"))
    named = ("--lab", "digits", "--dataset", "mnist")
    assert one_json(lab("predict", "--json", *named, tmp_path / "x.png")) == by_itself
    folder = tmp_path / "fashion-mnist"
    folder.mkdir()
    for name, sizes in zip(FASHION, ((4, 28, 28), (4,), (2, 28, 28), (2,)), strict=True):
        header = bytes([0, 0, 8, len(sizes)]) + np.array(sizes, ">u4").tobytes()
        (folder / name).write_bytes(gzip.compress(header + bytes(math.prod(sizes))))
    options = ("--dataset", "fashion-mnist", tmp_path / "x.png")
    assert refused(lab("predict", *options, LAB_DATA=tmp_path), 1) == (
        "The drawing model is not trained on Fashion-MNIST yet: use `python -m core train --lab "
        "digits --dataset fashion-mnist --drawing-model`, or name a run that is trained."
    )
    other = ("--lab", "optimizers", tmp_path / "x.png")
    assert refused(lab("predict", *other), 1).startswith("This run is not trained yet: ")
    assert refused(in_process("predict", "--drawing-model", *other), 2) == (
        "optimizers has no drawing model: leave out --drawing-model."
    )


# drawn


def labels(folder: Path) -> Path:
    """A table of two test images of the sample."""
    arrays = datasets.load(datasets.locate(MNIST)).arrays
    rows = ["file,label"]
    for i in range(2):
        Image.fromarray(255 - arrays.x_test[i]).save(folder / f"{i}.png")
        rows.append(f"{i}.png,{arrays.y_test[i]}")
    (folder / "labels.csv").write_text("\n".join(rows))
    return folder / "labels.csv"


@pytest.mark.slow
def test_drawn_reads_a_table_with_the_drawing_model(tmp_path: Path) -> None:
    found = one_json(lab("drawn", labels(tmp_path), "--json"))
    assert list(found) == ["run", "count", "accuracy", "unsure", "wrong"]
    assert found["count"] == 2
    assert found["accuracy"]["full"] == 1
    assert set(found["accuracy"]) == {"full", "polarity", "sheet"}
    assert found["wrong"] == []
    again = lab("drawn", labels(tmp_path), "--drawing-model")
    assert again.stdout.startswith("100.0% right with all steps\n")
    by_key = one_json(lab("drawn", labels(tmp_path), "--json", "--run", found["run"]))
    assert by_key == found


def test_drawn_with_a_stored_run(trained: Path, tmp_path: Path) -> None:
    found = one_json(lab("drawn", labels(tmp_path), "--json", *SMALL))
    assert found["run"] == Store(trained).runs()[0].key


@pytest.mark.slow
def test_drawn_trains_on_all_images_when_layers_are_named(data: Path, tmp_path: Path) -> None:
    options = ("--hidden", "4", "--epochs", "1", "--batch-size", "200")
    done = lab("drawn", labels(tmp_path), "--json", *options)
    assert done.returncode == 0, done.stderr
    [run] = Store().runs()
    assert run.spec.train.validation_split == 0
    assert json.loads(done.stdout)["run"] == run.key


@pytest.mark.parametrize(
    ("options", "status", "sentence"),
    [
        (("--run", "mnist-0"), 2, "There is no run mnist-0: "),
        (("--run", "mnist-0", "--hidden", "5"), 2, "--run names a whole run: "),
        (("--run", "mnist-0", "--lab", "digits"), 2, "--run names a whole run: "),
        (("--drawing-model", "--hidden", "5"), 2, "This network has layers of its own: "),
        (("--epochs", "0", "--hidden", "5"), 2, "Epochs is 0: "),
        ((), 1, "labels.csv cannot be read as a table: "),
    ],
)
def test_drawn_refuses_in_one_sentence(
    options: tuple[str, ...], status: int, sentence: str, tmp_path: Path
) -> None:
    assert refused(lab("drawn", tmp_path / "labels.csv", *options), status).startswith(sentence)


@pytest.mark.slow
def test_the_l4_network_reads_drawings(full_data: Path) -> None:
    found = one_json(
        lab("drawn", full_data / "drawn" / "labels.csv", "--json", "--hidden", "256",
            "--epochs", "5", "--batch-size", "128", LAB_DATA=full_data)
    )  # fmt: skip
    assert found["accuracy"]["full"] >= 0.93


# bench


@pytest.mark.slow
def test_bench_prints_one_json_object(data: Path) -> None:
    done = lab("bench", *SMALL, "--epochs", "1", "--repeats", "2", "--json")
    answer = one_json(done)
    assert list(answer) == [
        "ratio", "ratios", "fit_seconds", "compiled_seconds", "first_fit_seconds",
        "compile_seconds", "images", "epochs",
    ]  # fmt: skip
    assert answer["ratio"] > 0
    assert answer["ratio"] == pytest.approx(sum(answer["ratios"]) / 2)
    for name in ("ratios", "fit_seconds", "compiled_seconds", "compile_seconds"):
        assert len(answer[name]) == 2
        assert all(figure > 0 for figure in answer[name])
    assert answer["first_fit_seconds"] > 0
    assert (answer["images"], answer["epochs"]) == (1000, 1)
    assert not re.search("Traceback|WARNING|tensorflow", done.stderr), done.stderr


# help


def commands(group: click.Command, *names: str) -> dict[tuple[str, ...], click.Command]:
    """All commands by how they are called, with the commands inside them."""
    found = {names: group}
    for name, command in getattr(group, "commands", {}).items():
        found |= commands(command, *names, name)
    return found


COMMANDS = commands(main)


def test_the_commands_are_the_documented_ones() -> None:
    assert {" ".join(names) for names in COMMANDS} == {
        "", "data", "data fetch", "train", "study", "runs", "predict", "drawn", "bench",
    }  # fmt: skip


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_the_help_of_every_command_has_an_example_that_is_understood(
    names: tuple[str, ...],
) -> None:
    command = COMMANDS[names]
    text = command.get_help(click.Context(command, info_name="core"))
    example = re.search(r"Example: python -m core (.+?)(\n\n|\n\s*Options|$)", text, re.DOTALL)
    assert example, text
    words = example[1].split()
    assert tuple(words[: len(names)]) == names
    called = COMMANDS[names or (words[0],)]
    options = {name for parameter in called.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options


RUN_OPTIONS = {
    "--dataset", "--lab", "--experiment", "--variant", "--drawing-model", "--hidden",
    "--activation", "--optimizer", "--learning-rate", "--parameter", "--epochs", "--batch-size",
    "--validation-split", "--seed", "--l1", "--l2", "--dropout", "--batch-normalisation",
    "--initializer", "--schedule", "--early-stopping", "--unique", "--stack", "--augmentation",
    "--images", "--base", "--side", "--scaling", "--copies",
}  # fmt: skip
OPTIONS = {
    "train": RUN_OPTIONS | {"--all", "--json"},
    "study": {
        "--seeds", "--dataset", "--optimizer", "--sweep", "--hidden", "--activation", "--epochs",
        "--batch-size", "--validation-split", "--yes", "--json",
    },
    "runs": {"--json"},
    "predict": RUN_OPTIONS | {"--steps", "--json"},
    "drawn": RUN_OPTIONS | {"--run", "--json"},
    "bench": RUN_OPTIONS | {"--repeats", "--json"},
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_a_command_has_the_documented_options(name: str) -> None:
    options = {opt for parameter in COMMANDS[name,].params for opt in parameter.opts}
    assert {opt for opt in options if opt.startswith("--")} == OPTIONS[name]


def test_help_is_quick_and_needs_nothing() -> None:
    done = lab("--help", LAB_DATA="/nowhere")
    assert done.returncode == 0
    for name in ("data", "train", "study", "runs", "predict", "drawn", "bench"):
        assert re.search(rf"^  {name} +\w", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("given", "lab"),
    [
        ([], "digits"),
        (["--dataset", "fashion-mnist"], "digits"),
        (["--dataset", "notmnist"], "letters"),
        (["--dataset", "mnist", "--lab", "optimizers"], "optimizers"),
    ],
)
def test_a_data_set_brings_the_first_lab_that_has_it(given: list[str], lab: str) -> None:
    @click.command()
    @run_options
    def show(**options: Any) -> None:
        click.echo(options["lab"])

    assert CliRunner().invoke(show, given).output == f"{lab}\n"
