"""What each optimizer does in a step: its formula, every symbol of it, its parameters in Keras."""

import pandas as pd
import streamlit as st

from core.errors import UsageError
from core.fields import LIMITS, OneOf, Text, named
from core.i18n import N_
from core.optimizers import rules
from core.optimizers.rules import FORMS
from core.specs import OptimizerSpec, optimizer_spec
from core.specs.optimizers import OPTIMIZERS
from pages.ui import choice, fields, layout
from pages.ui.text import _

RULE = OneOf(
    "rule",
    N_("optimizer"),
    next(iter(OPTIMIZERS)),
    {name: known.title for name, known in OPTIMIZERS.items()},
)


class NoForm(Text):
    """The form of an optimizer that has one rule. The default is the title of the optimizer."""

    def parse(self, text: str) -> str:
        raise UsageError(
            N_("{optimizer} has one rule: leave out form={value}."),
            optimizer=self.default,
            value=text,
        )


def pick() -> OptimizerSpec:
    """The optimizer, and which of its rules, where it has several."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = fields.select(RULE, width=260)
        forms = FORMS.get(name)
        if forms is None:
            fields.read(NoForm("form", N_("rule"), OPTIMIZERS[name].title))
            return optimizer_spec(name)
        usual = next(iter(forms))
        form = fields.radio(OneOf("form", N_("rule"), usual, named(forms)), key=f"form-{name}")
    return optimizer_spec(name, parameters=forms[form])


def symbols(name: str, rule: rules.Rule) -> None:
    """A table of the symbols of a formula."""
    lines = [f"| {_('symbol')} | {_('meaning')} | {_('in Keras')} |", "|---|---|---|"]
    known = {"learning_rate", *OPTIMIZERS[name].parameters}
    for symbol in rules.symbols(name, rule):
        keras_name = f"`{symbol.name}`" if symbol.name in known else ""
        lines.append(f"| ${symbol.latex}$ | {_(symbol.meaning)} | {keras_name} |")
    st.markdown("\n".join(lines))


def parameters(name: str) -> pd.DataFrame:
    """The parameters of an optimizer with Keras's defaults and what the lab allows."""
    known = OPTIMIZERS[name]
    low, high = LIMITS["learning rate"]
    rows = [
        ("learning_rate", _("learning rate"), f"{known.learning_rate:g}", f"{low:g} … {high:g}")
    ]
    for key, (default, low, high, meaning) in known.parameters.items():
        switch = isinstance(default, bool)
        shown = str(default) if switch else f"{default:g}"
        allowed = "False, True" if switch else f"{low:g} … {high:g}"
        rows.append((key, _(meaning), shown, allowed))
    columns = [_("Parameter"), _("Meaning"), _("Default"), _("Allowed here")]
    return pd.DataFrame(rows, columns=columns)


def formulas(spec: OptimizerSpec) -> None:
    """What happens in a step, as formulas with their symbols."""
    between = {
        "adafactor": _("For biases, which are vectors, the squares are kept one by one:"),
        "muon": _("One round of the Newton-Schulz iteration, which makes directions equal:"),
    }
    for place, rule in enumerate(rules.rules_for(spec)):
        if place:
            st.write(between[spec.name])
        st.latex(rules.formula(rule))
        symbols(spec.name, rule)
    if spec.name == "muon":
        st.write(
            _(
                "Muon moves matrices. AdamW moves the biases, with the parameters that begin with "
                "adam."
            )
        )
    st.caption(
        _(
            "← means: takes the value of. Lines are worked from top to bottom, for every weight, "
            "in every step. The formula is made from the function that the lab's tests step "
            "beside Keras's own optimizer, on equal gradients."
        )
    )


def in_keras(spec: OptimizerSpec) -> None:
    """The parameters in Keras, and the line that makes this optimizer."""
    known = OPTIMIZERS[spec.name]
    st.subheader(_("Parameters in Keras"))
    st.dataframe(
        parameters(spec.name),
        hide_index=True,
        height="content",
        alt=_("Parameters of {optimizer} with their defaults").format(optimizer=known.title),
    )
    changed = "".join(f", {name}={value}" for name, value in spec.parameters)
    st.code(
        f"keras.optimizers.{known.title}(learning_rate={known.learning_rate:g}{changed})",
        language="python",
    )


layout.head(_("What does an optimizer do with a gradient, and what are its parameters?"))
spec = pick()
formulas(spec)
in_keras(spec)
choice.mark_done()
layout.next_step()
