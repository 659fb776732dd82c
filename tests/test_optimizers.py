"""What the lab says about optimizers, against Keras: defaults, limits, update rules."""

import inspect
import json
import re
from typing import Any

import keras
import numpy as np
import pytest

from core.errors import UsageError
from core.fields import LIMITS
from core.optimizers import rules
from core.specs import OptimizerSpec, optimizer_spec
from core.specs.optimizers import OPTIMIZERS

SHARED = {
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "use_ema",
    "ema_momentum",
    "ema_overwrite_frequency",
    "loss_scale_factor",
    "gradient_accumulation_steps",
}
"""Parameters of every Keras optimizer; the lab leaves them off."""

LEFT_OUT = {
    "Muon": {"exclude_layers", "exclude_embeddings", "muon_a", "muon_b", "muon_c"},
}
"""Names of layers that the lab has not, and the constants that stand in the formula."""

NOT_SUITABLE = {
    "LossScaleOptimizer",  # wraps another
    "MultiOptimizer",  # joins others
    "OptimizerMap",  # what that one is given
    "Optimizer",  # the base class
    "ScheduleFreeAdamW",  # see core.optimizers
}

RULES = [
    *(optimizer_spec(name) for name in OPTIMIZERS),
    optimizer_spec("sgd", 0.1, {"momentum": 0.5}),
    optimizer_spec("sgd", 0.1, {"momentum": 0.5, "nesterov": True}),
    optimizer_spec("rmsprop", 0.01, {"rho": 0.3, "momentum": 0.4}),
    optimizer_spec("rmsprop", 0.01, {"rho": 0.5, "centered": True}),
    optimizer_spec("rmsprop", 0.01, {"centered": True, "momentum": 0.4}),
    optimizer_spec("adam", 0.01, {"beta_1": 0.0, "beta_2": 0.0}),
    optimizer_spec("adam", 0.01, {"beta_2": 0.5, "amsgrad": True}),
    optimizer_spec("adamw", 0.01, {"beta_2": 0.5, "amsgrad": True, "weight_decay": 0.1}),
    optimizer_spec("adagrad", 0.1, {"initial_accumulator_value": 0.5}),
    optimizer_spec("adadelta", 1.0, {"rho": 0.8, "epsilon": 0.001}),
    optimizer_spec(
        "ftrl",
        0.1,
        {
            "learning_rate_power": -0.7,
            "l1_regularization_strength": 0.3,
            "l2_regularization_strength": 0.2,
            "l2_shrinkage_regularization_strength": 0.1,
            "beta": 0.4,
        },
    ),
    optimizer_spec("lion", 0.01, {"beta_1": 0.5, "beta_2": 0.5}),
    optimizer_spec("adafactor", 0.5, {"clip_threshold": 0.5, "beta_2_decay": -0.5}),
    optimizer_spec("adafactor", 0.1, {"relative_step": False}),
    optimizer_spec("muon", 0.01, {"nesterov": False, "ns_steps": 3, "weight_decay": 0.1}),
]


def keras_class(name: str) -> Any:
    return getattr(keras.optimizers, OPTIMIZERS[name].title)


def keras_defaults(name: str) -> dict[str, Any]:
    """The parameters of an optimizer that are its own, as Keras declares them."""
    title = OPTIMIZERS[name].title
    signature = inspect.signature(keras_class(name).__init__).parameters
    own = set(signature) - SHARED - LEFT_OUT.get(title, set()) - {"self", "name", "kwargs"}
    defaults = {key: signature[key].default for key in own}
    if defaults["weight_decay"] is None:
        del defaults["weight_decay"]
    return defaults


def test_every_suitable_optimizer_of_keras_is_there() -> None:
    shipped = {name for name in dir(keras.optimizers) if name[0].isupper()}
    assert shipped - NOT_SUITABLE == {known.title for known in OPTIMIZERS.values()}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_parameters_and_defaults_are_those_of_keras(name: str) -> None:
    known = OPTIMIZERS[name]
    ours = {key: parameter.default for key, parameter in known.parameters.items()}
    assert {**ours, "learning_rate": known.learning_rate} == keras_defaults(name)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_defaults_and_limits_are_accepted_by_keras(name: str) -> None:
    known = OPTIMIZERS[name]
    assert optimizer_spec(name).parameters == ()
    for key, (default, low, high, meaning) in known.parameters.items():
        assert low <= default <= high
        assert meaning
        for value in (False, True) if isinstance(default, bool) else (low, high):
            spec = OptimizerSpec(name, 0.01, ((key, value),))
            built = spec.keras()
            assert built.get_config()[key] == value
            variable = keras.Variable(np.ones((3, 2), np.float32))
            built.apply([np.full((3, 2), 0.1, np.float32)], [variable])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_lies_outside_of_the_limits_is_refused(name: str) -> None:
    for key, (default, low, high, _) in OPTIMIZERS[name].parameters.items():
        wrong = [2] if isinstance(default, bool) else [low - 0.001, high + 1, float("nan"), "x"]
        for value in wrong:
            with pytest.raises(UsageError, match=f"(?i)^{key} is"):
                OptimizerSpec(name, 0.01, ((key, value),))  # type: ignore[arg-type]
    for rate in (-0.001, 0, LIMITS["learning rate"].high + 1):
        with pytest.raises(UsageError, match=r"give a number from 1e-06 to 10"):
            OptimizerSpec(name, rate)
    with pytest.raises(UsageError, match=r"Parameter is mass: choose one of"):
        OptimizerSpec(name, 0.01, (("mass", 1.0),))


@pytest.mark.parametrize(
    ("name", "parameter"),
    [("adamw", "weight_decay"), ("muon", "weight_decay"), ("muon", "adam_weight_decay")],
)
def test_keras_takes_off_the_weight_decay_times_the_learning_rate(
    name: str, parameter: str
) -> None:
    spec = optimizer_spec(name, 0.1, {parameter: 0.5})
    weights = np.ones(3 if parameter.startswith("adam_") else (3, 3))
    [after] = stepped_by_keras(spec, weights, [np.zeros_like(weights)])
    np.testing.assert_allclose(after, 1 - 0.1 * 0.5, rtol=1e-4)
    assert "times the learning rate" in OPTIMIZERS[name].parameters[parameter].meaning


@pytest.mark.parametrize(("name", "parameter"), [("sgd", "momentum"), ("adam", "beta_1")])
def test_a_refusal_names_the_allowed_range(name: str, parameter: str) -> None:
    with pytest.raises(UsageError, match=r"is 1.5: give a number from 0.0 to 0.9999"):
        OptimizerSpec(name, 0.01, ((parameter, 1.5),))


def test_only_what_differs_from_the_defaults_is_kept_in_one_order() -> None:
    spec = optimizer_spec("adam", parameters={"epsilon": 1e-7, "beta_2": 0.8, "beta_1": 0.8})
    assert spec.parameters == (("beta_1", 0.8), ("beta_2", 0.8))
    assert spec.text == "adam 0.001 beta_1=0.8 beta_2=0.8"
    assert spec == OptimizerSpec(
        "adam", 0.001, tuple(json.loads('[["beta_2",0.8],["beta_1",0.8]]'))
    )
    zero = optimizer_spec("adam", parameters={"beta_1": 0})
    assert str(zero.parameters[0][1]) == "0.0"
    assert zero == optimizer_spec("adam", parameters={"beta_1": -0.0})


def stepped_by_keras(
    spec: OptimizerSpec, weights: np.ndarray, gradients: list[np.ndarray]
) -> list[np.ndarray]:
    """The weights after each step of Keras's own optimizer."""
    variable = keras.Variable(weights.astype(np.float32))
    optimizer = spec.keras()
    after = []
    for gradient in gradients:
        optimizer.apply([gradient.astype(np.float32)], [variable])
        after.append(variable.numpy())
    return after


def returned(rule: rules.Rule) -> list[str]:
    """Names of what a rule returns: w, and then its memory."""
    last = inspect.getsource(rule).rsplit("return", 1)[1]
    return re.findall(r"\w+", last)


def start(rule: rules.Rule, parameters: dict[str, Any]) -> dict[str, float]:
    """The memory before the first step by its names; `parameters` are those of the optimizer."""
    first = {"p": 1.0, "s": parameters.get("initial_accumulator_value", 0.0)}
    return {name: first.get(name, 0.0) for name in returned(rule)[1:]}


def stepped_by_rule(
    rule: rules.Rule, values: dict[str, Any], weights: np.ndarray, gradients: list[np.ndarray]
) -> list[np.ndarray]:
    """The weights after each step of the formula that is shown."""
    wanted = inspect.signature(rule).parameters
    memory: dict[str, Any] = {"w": weights}
    for name, value in start(rule, values).items():
        memory[name] = value + (np.zeros_like(weights) if name not in ("p", "r", "c") else 0.0)
    after = []
    for t, gradient in enumerate(gradients, 1):
        known = {**values, **memory, "g": gradient, "t": t}
        result = rule(**{name: known[name] for name in wanted})
        memory = dict(zip(returned(rule), result, strict=True))
        after.append(memory["w"])
    return after


def values_of(spec: OptimizerSpec) -> dict[str, Any]:
    defaults = {key: p.default for key, p in OPTIMIZERS[spec.name].parameters.items()}
    return {**defaults, **dict(spec.parameters), "learning_rate": spec.learning_rate}


@pytest.mark.parametrize("spec", RULES, ids=str)
@pytest.mark.parametrize("shape", [(4, 3), (3, 5)], ids=["tall", "wide"])
def test_the_rules_shown_do_what_keras_does(spec: OptimizerSpec, shape: tuple[int, int]) -> None:
    random = np.random.default_rng(1)
    weights = random.normal(size=shape)
    gradients = [random.normal(size=shape) for _ in range(6)]
    ours = stepped_by_rule(rules.rules_for(spec)[0], values_of(spec), weights, gradients)
    theirs = stepped_by_keras(spec, weights, gradients)
    assert not np.allclose(theirs[-1], weights, atol=1e-6)
    np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-5)


@pytest.mark.parametrize("zero", ["weights", "gradients"])
def test_lamb_does_not_divide_by_a_norm_of_zero(zero: str) -> None:
    some, none = np.full((4, 3), 0.5), np.zeros((4, 3))
    weights, gradient = (none, some) if zero == "weights" else (some, none)
    spec = optimizer_spec("lamb", 0.01)
    ours = stepped_by_rule(rules.lamb, values_of(spec), weights, [gradient] * 3)
    np.testing.assert_allclose(ours, stepped_by_keras(spec, weights, [gradient] * 3), rtol=1e-4)
    assert "\\mathrm{ratio}" in rules.formula(rules.lamb)


def test_a_vector_is_moved_by_the_rule_that_the_page_names() -> None:
    random = np.random.default_rng(1)
    weights = random.normal(size=5)
    gradients = [random.normal(size=5) for _ in range(6)]
    spec = optimizer_spec("adafactor", 0.5)
    ours = stepped_by_rule(rules.rules_for(spec)[1], values_of(spec), weights, gradients)
    np.testing.assert_allclose(ours, stepped_by_keras(spec, weights, gradients), rtol=1e-4)
    muon = optimizer_spec("muon")
    values = values_of(muon)
    adam = {"weight_decay": values["adam_weight_decay"], "learning_rate": muon.learning_rate}
    adam |= {"beta_1": values["adam_beta_1"], "beta_2": values["adam_beta_2"]}
    adam |= {"epsilon": values["epsilon"]}
    ours = stepped_by_rule(rules.adamw, adam, weights, gradients)
    np.testing.assert_allclose(ours, stepped_by_keras(muon, weights, gradients), rtol=1e-4)


@pytest.mark.parametrize("spec", RULES, ids=str)
def test_every_symbol_of_a_formula_is_explained(spec: OptimizerSpec) -> None:
    for rule in rules.rules_for(spec):
        formula = rules.formula(rule)
        assert "_\\" not in formula.replace("_{\\max}", "")
        symbols = rules.symbols(spec.name, rule)
        assert all(symbol.meaning for symbol in symbols)
        assert len({symbol.latex for symbol in symbols}) == len(symbols)
        for symbol in symbols:
            assert symbol.latex in formula or symbol.name == "abs"
        shown = {symbol.name for symbol in symbols}
        assert set(inspect.signature(rule).parameters) <= shown
