"""The update rules of Keras's optimizers, as functions that are also the formulas shown.

`latexify` turns the source of a function into its formula, and a test steps the same function and
Keras's optimizer on the same gradients: what a student reads is what Keras does. A rule takes the
weights, their gradient, what the optimizer remembers, and its parameters by Keras's names; it
returns the new weights and the new memory.

Sources: the `update_step` methods in keras.src.optimizers of Keras 3.15. Several differ from the
papers: where epsilon stands, the learning rate of Adadelta, the momentum of Nadam.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import latexify
import numpy as np
from numpy import abs, sign, sqrt
from numpy import clip as between
from numpy import maximum as max
from numpy import minimum as min

from core.i18n import N_
from core.specs import OptimizerSpec
from core.specs.optimizers import OPTIMIZERS, Value

# ruff: noqa: N803, N806
# mypy: allow-untyped-defs, allow-untyped-calls
# What latexify reads: one assignment a line, and no types.


def sgd(w, g, learning_rate):
    w = w - learning_rate * g
    return (w,)


def sgd_momentum(w, g, m, learning_rate, momentum):
    m = momentum * m - learning_rate * g
    w = w + m
    return w, m


def sgd_nesterov(w, g, m, learning_rate, momentum):
    m = momentum * m - learning_rate * g
    w = w + momentum * m - learning_rate * g
    return w, m


def rmsprop(w, g, v, learning_rate, rho, epsilon):
    v = rho * v + (1 - rho) * g**2
    w = w - learning_rate * g / sqrt(v + epsilon)
    return w, v


def rmsprop_momentum(w, g, v, m, learning_rate, rho, momentum, epsilon):
    v = rho * v + (1 - rho) * g**2
    m = momentum * m + learning_rate * g / sqrt(v + epsilon)
    w = w - m
    return w, v, m


def rmsprop_centered(w, g, v, a, learning_rate, rho, epsilon):
    v = rho * v + (1 - rho) * g**2
    a = rho * a + (1 - rho) * g
    w = w - learning_rate * g / sqrt(v - a**2 + epsilon)
    return w, v, a


def rmsprop_centered_momentum(w, g, v, a, m, learning_rate, rho, momentum, epsilon):
    v = rho * v + (1 - rho) * g**2
    a = rho * a + (1 - rho) * g
    m = momentum * m + learning_rate * g / sqrt(v - a**2 + epsilon)
    w = w - m
    return w, v, a, m


def adam(w, g, m, v, t, learning_rate, beta_1, beta_2, epsilon):
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g**2
    alpha = learning_rate * sqrt(1 - beta_2**t) / (1 - beta_1**t)
    w = w - alpha * m / (sqrt(v) + epsilon)
    return w, m, v


def adam_amsgrad(w, g, m, v, v_max, t, learning_rate, beta_1, beta_2, epsilon):
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g**2
    v_max = max(v_max, v)
    alpha = learning_rate * sqrt(1 - beta_2**t) / (1 - beta_1**t)
    w = w - alpha * m / (sqrt(v_max) + epsilon)
    return w, m, v, v_max


def adamw(w, g, m, v, t, learning_rate, beta_1, beta_2, epsilon, weight_decay):
    w = w - learning_rate * weight_decay * w
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g**2
    alpha = learning_rate * sqrt(1 - beta_2**t) / (1 - beta_1**t)
    w = w - alpha * m / (sqrt(v) + epsilon)
    return w, m, v


def adamw_amsgrad(w, g, m, v, v_max, t, learning_rate, beta_1, beta_2, epsilon, weight_decay):
    w = w - learning_rate * weight_decay * w
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g**2
    v_max = max(v_max, v)
    alpha = learning_rate * sqrt(1 - beta_2**t) / (1 - beta_1**t)
    w = w - alpha * m / (sqrt(v_max) + epsilon)
    return w, m, v, v_max


def nadam(w, g, m, v, p, t, learning_rate, beta_1, beta_2, epsilon):
    mu = beta_1 * (1 - 0.96**t / 2)
    mu_next = beta_1 * (1 - 0.96 ** (t + 1) / 2)
    p = p * mu
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g**2
    m_hat = mu_next * m / (1 - p * mu_next) + (1 - mu) * g / (1 - p)
    v_hat = v / (1 - beta_2**t)
    w = w - learning_rate * m_hat / (sqrt(v_hat) + epsilon)
    return w, m, v, p


def adamax(w, g, m, u, t, learning_rate, beta_1, beta_2, epsilon):
    m = beta_1 * m + (1 - beta_1) * g
    u = max(beta_2 * u, abs(g))
    w = w - learning_rate * m / ((1 - beta_1**t) * (u + epsilon))
    return w, m, u


def adagrad(w, g, s, learning_rate, epsilon):
    s = s + g**2
    w = w - learning_rate * g / sqrt(s + epsilon)
    return w, s


def adadelta(w, g, v, d, learning_rate, rho, epsilon):
    v = rho * v + (1 - rho) * g**2
    delta = g * sqrt(d + epsilon) / sqrt(v + epsilon)
    d = rho * d + (1 - rho) * delta**2
    w = w - learning_rate * delta
    return w, v, d


def ftrl(
    w,
    g,
    s,
    z,
    learning_rate,
    learning_rate_power,
    l1_regularization_strength,
    l2_regularization_strength,
    l2_shrinkage_regularization_strength,
    beta,
):
    q = (s + g**2) ** (-learning_rate_power)
    sigma = (q - s ** (-learning_rate_power)) / learning_rate
    z = z + g + 2 * l2_shrinkage_regularization_strength * w - sigma * w
    k = (q + beta) / learning_rate + 2 * l2_regularization_strength
    w = (clip(z, l1_regularization_strength) - z) / k
    s = s + g**2
    return w, s, z


def lion(w, g, m, learning_rate, beta_1, beta_2):
    w = w - learning_rate * sign(beta_1 * m + (1 - beta_1) * g)
    m = beta_2 * m + (1 - beta_2) * g
    return w, m


def lamb(w, g, m, v, t, learning_rate, beta_1, beta_2, epsilon):
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g**2
    m_hat = m / (1 - beta_1**t)
    v_hat = v / (1 - beta_2**t)
    u = m_hat / (sqrt(v_hat) + epsilon)
    w = w - learning_rate * ratio(norm(w), norm(u)) * u
    return w, m, v


def adafactor(w, g, r, c, t, learning_rate, beta_2_decay, epsilon_1, epsilon_2, clip_threshold):
    alpha = min(learning_rate, 1 / sqrt(t)) * max(epsilon_2, rms(w))
    beta_t = 1 - t**beta_2_decay
    r = beta_t * r + (1 - beta_t) * rows(g**2 + epsilon_1)
    c = beta_t * c + (1 - beta_t) * columns(g**2 + epsilon_1)
    v = r * c / mean(r)
    u = g / sqrt(v)
    w = w - alpha * u / max(1, rms(u) / clip_threshold)
    return w, r, c


def adafactor_vector(w, g, v, t, learning_rate, beta_2_decay, epsilon_1, epsilon_2, clip_threshold):
    alpha = min(learning_rate, 1 / sqrt(t)) * max(epsilon_2, rms(w))
    beta_t = 1 - t**beta_2_decay
    v = beta_t * v + (1 - beta_t) * (g**2 + epsilon_1)
    u = g / sqrt(v)
    w = w - alpha * u / max(1, rms(u) / clip_threshold)
    return w, v


def muon(w, g, m, learning_rate, momentum, ns_steps, rms_rate, weight_decay):
    w = w - learning_rate * weight_decay * w
    m = momentum * m + g
    X = orthogonal(m, ns_steps)
    w = w - learning_rate * rms_rate * sqrt(longest(w)) * X
    return w, m


def muon_nesterov(w, g, m, learning_rate, momentum, ns_steps, rms_rate, weight_decay):
    w = w - learning_rate * weight_decay * w
    m = momentum * m + g
    X = orthogonal(g + momentum * m, ns_steps)
    w = w - learning_rate * rms_rate * sqrt(longest(w)) * X
    return w, m


def newton_schulz(X):
    A = X @ X.T
    X = 3.4445 * X + (-4.775 * A + 2.0315 * A @ A) @ X
    return (X,)


# The functions that the formulas name


def clip(z, limit):
    return between(z, -limit, limit)


def norm(x):
    return sqrt(np.sum(x**2))


def ratio(a, b):
    return a / b if a > 0 and b > 0 else 1.0


def rms(x):
    return sqrt(np.mean(x**2))


def mean(x):
    return np.mean(x)


def rows(x):
    return np.mean(x, axis=1, keepdims=True)


def columns(x):
    return np.mean(x, axis=0, keepdims=True)


def longest(x):
    return np.max(x.shape)


def orthogonal(x, rounds):
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / (norm(x) + 1e-7)
    for _ in range(rounds):
        (x,) = newton_schulz(x)
    return x.T if tall else x


Rule = Callable[..., tuple[Any, ...]]

FORMS: dict[str, dict[str, dict[str, Value]]] = {
    "sgd": {
        N_("plain"): {},
        N_("with momentum"): {"momentum": 0.9},
        N_("with Nesterov momentum"): {"momentum": 0.9, "nesterov": True},
    },
    "rmsprop": {
        N_("plain"): {},
        N_("with momentum"): {"momentum": 0.9},
        N_("centered"): {"centered": True},
        N_("centered, with momentum"): {"centered": True, "momentum": 0.9},
    },
    "adam": {N_("plain"): {}, "AMSGrad": {"amsgrad": True}},
    "adamw": {N_("plain"): {}, "AMSGrad": {"amsgrad": True}},
    "muon": {N_("with Nesterov momentum"): {}, N_("with momentum"): {"nesterov": False}},
}
"""Parameters that give an optimizer another rule, by what that is called."""

LATEX = {
    "learning_rate": r"\eta",
    "momentum": r"\mu",
    "beta_1": r"\beta_1",
    "beta_2": r"\beta_2",
    "rho": r"\rho",
    "epsilon": r"\varepsilon",
    "weight_decay": r"\lambda",
    "learning_rate_power": r"\kappa",
    "l1_regularization_strength": r"\lambda_1",
    "l2_regularization_strength": r"\lambda_2",
    "l2_shrinkage_regularization_strength": r"\lambda_s",
    "beta": r"\beta",
    "beta_2_decay": r"\gamma",
    "epsilon_1": r"\varepsilon_1",
    "epsilon_2": r"\varepsilon_2",
    "clip_threshold": r"\tau",
    "ns_steps": "n",
    "rms_rate": r"\gamma",
    "v_max": r"v_{\max}",
    "m_hat": r"\hat{m}",
    "v_hat": r"\hat{v}",
    "mu": r"\mu_t",
    "mu_next": r"\mu_{t+1}",
    "alpha": r"\alpha",
    "sigma": r"\sigma",
    "delta": r"\Delta",
    "beta_t": r"\beta_t",
    "max": r"\max",
    "min": r"\min",
    "rms": r"\mathrm{RMS}",
    "norm": r"\mathrm{norm}",
    "ratio": r"\mathrm{ratio}",
    "mean": r"\mathrm{mean}",
    "rows": r"\mathrm{rows}",
    "columns": r"\mathrm{columns}",
    "longest": r"\mathrm{longest}",
    "orthogonal": r"\mathrm{orthogonal}",
    "clip": r"\mathrm{clip}",
    "sign": r"\mathrm{sign}",
}
"""How a name of more than one letter is written."""

MEANINGS = {
    "w": N_("the weights"),
    "g": N_("gradient of the loss of one batch"),
    "t": N_("number of the step, 1 for the first"),
    "m": N_("running mean of gradients; 0 at first"),
    "v": N_("running mean of squared gradients; 0 at first"),
    "v_max": N_("the largest v so far; 0 at first"),
    "a": N_("running mean of gradients; 0 at first"),
    "alpha": N_("learning rate of this step, corrected for the start at 0"),
    "m_hat": N_("m, corrected for the start at 0"),
    "v_hat": N_("v, corrected for the start at 0"),
    "mu": N_("decay of m at this step"),
    "mu_next": N_("decay of m at the next step"),
    "p": N_("product of all decays of m so far; 1 at first"),
    "u": N_("the step before it is scaled"),
    "s": N_("sum of squared gradients; begins at initial_accumulator_value"),
    "d": N_("running mean of squared steps; 0 at first"),
    "delta": N_("the step before the learning rate"),
    "q": N_("how far squared gradients have added up, to a power"),
    "sigma": N_("change of q, over the learning rate"),
    "z": N_("sum of gradients, corrected for steps done; 0 at first"),
    "k": N_("divides the sum"),
    "r": N_("running mean of squared gradients of each row; 0 at first"),
    "c": N_("running mean of squared gradients of each column; 0 at first"),
    "beta_t": N_("decay at this step"),
    "X": N_("the step with directions made equally long"),
    "A": N_("product of X with itself"),
    "abs": N_("without its sign"),
    "sign": N_("-1, 0 or 1"),
    "clip": N_("cut to what lies between minus and plus the second number"),
    "norm": N_("root of the sum of squares"),
    "ratio": N_("the first number over the second; 1 where one of them is 0"),
    "rms": N_("root of the mean of squares"),
    "mean": N_("mean of all numbers"),
    "rows": N_("mean of each row"),
    "columns": N_("mean of each column"),
    "longest": N_("the larger of the counts of rows and columns"),
    "orthogonal": N_("divide by the norm, then n rounds of the formulas for X below"),
}
"""Of what is not a parameter of the optimizer."""

OTHER_MEANINGS = {
    ("sgd", "m"): N_("the last step; 0 at first"),
    ("rmsprop", "m"): N_("the last step; 0 at first"),
    ("muon", "m"): N_("sum of gradients, older ones weigh less; 0 at first"),
    ("adamax", "u"): N_("the largest gradient so far, fading; 0 at first"),
    ("adafactor", "alpha"): N_("learning rate of this step, for weights of this size"),
    ("adafactor", "v"): N_("running mean of squared gradients"),
}
"""Where a letter means something else for one optimizer."""


class Symbol(NamedTuple):
    """A symbol of a formula, and what stands behind it."""

    latex: str
    name: str
    """As the rule writes it; for a parameter Keras's name."""
    meaning: str


def rules_for(spec: OptimizerSpec) -> list[Rule]:
    """The rule of an optimizer with these parameters, and then rules for parts of it.

    It is the function with the name of the optimizer, unless its parameters give it another one.
    """
    given = dict(spec.parameters)
    match spec.name, given:
        case "sgd", _:
            with_momentum = sgd_nesterov if given.get("nesterov") else sgd_momentum
            return [with_momentum if given.get("momentum") else sgd]
        case "rmsprop", {"centered": True}:
            return [rmsprop_centered_momentum if given.get("momentum") else rmsprop_centered]
        case "rmsprop", _:
            return [rmsprop_momentum if given.get("momentum") else rmsprop]
        case "adam", {"amsgrad": True}:
            return [adam_amsgrad]
        case "adamw", {"amsgrad": True}:
            return [adamw_amsgrad]
        case "adafactor", _:
            return [adafactor, adafactor_vector]
        case "muon", _:
            return [muon_nesterov if given.get("nesterov", True) else muon, newton_schulz]
    rule: Rule = globals()[spec.name]
    return [rule]


def formula(rule: Rule) -> str:
    """The rule as LaTeX, a line for each assignment."""
    text = latexify.get_latex(rule)
    lines = text.removeprefix(r"\begin{array}{l} ").split(r" \\ ")[:-1]  # the last: its signature
    joined = r" \\[8pt] ".join(line.replace(" = ", r" &\gets ", 1) for line in lines)
    joined = re.sub(r"\\mathrm\{([^{}]+)\}", lambda found: _latex(found[1]), joined)
    return rf"\begin{{aligned}} {joined.replace('X.T', 'X^T')} \end{{aligned}}"


def symbols(name: str, rule: Rule) -> list[Symbol]:
    """Every symbol of a rule of the optimizer `name`, parameters last, with its meaning."""
    code = rule.__code__
    named = [*code.co_varnames, *(n for n in code.co_names if n in MEANINGS)]
    known = OPTIMIZERS[name].parameters
    parameters = [n for n in named if n in known or n == "learning_rate"]
    others = [n for n in named if n not in parameters]

    def meaning(symbol: str) -> str:
        if symbol in parameters:
            return known[symbol].meaning if symbol in known else N_("learning rate")
        return OTHER_MEANINGS.get((name, symbol)) or MEANINGS[symbol]

    return [Symbol(_latex(n), n, meaning(n)) for n in [*others, *parameters]]


def _latex(name: str) -> str:
    return LATEX.get(name.replace(r"\_", "_"), name)
