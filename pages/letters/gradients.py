"""How the gradient gets smaller from layer to layer, and what keeps it from that."""

import math

import pandas as pd
import streamlit as st

from core.charts.gradients import common_limits, gradient_norms
from core.fields import Limit, Switch, WholeNumber
from core.i18n import N_
from core.specs import RunSpec
from core.training import gradients
from core.training.gradients import BATCH, EPOCHS, IMAGES, NEURONS, PROBE, Gradients
from pages.ui import choice, fields, layout, server
from pages.ui.choice import Choice
from pages.ui.text import _

ACTIVATIONS = ("sigmoid", "tanh", "relu")
LAYERS = WholeNumber("deep", N_("hidden layers"), 4, Limit(1, 5))
NORMALISED = Switch("normalised", N_("batch normalisation after each hidden layer"), False)


@st.cache_data(max_entries=200, show_spinner=False)
def gradients_of(key: str, _spec: RunSpec) -> Gradients:
    return server.engine().ask(gradients.gradients, _spec)


def settings() -> tuple[int, bool]:
    """How deep the networks are, and whether they are normalised."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        return fields.slider(LAYERS, width=260), fields.toggle(NORMALISED)


def look_at(current: Choice, layers: int, normalised: bool) -> dict[str, Gradients]:
    """The same network with each activation."""
    with st.spinner(_("Training three small networks: some seconds")):
        specs = {
            name: gradients.spec_for(current.spec, layers, name, normalised) for name in ACTIVATIONS
        }
        return {name: gradients_of(spec.key, spec) for name, spec in specs.items()}


def charts(found: dict[str, Gradients]) -> None:
    """The gradients of the layers, an activation beside the other."""
    limits = common_limits(list(found.values()))
    for place, (name, one) in zip(st.columns(len(found)), found.items(), strict=True):
        with place:
            st.markdown(f"**{name}**")
            st.plotly_chart(
                gradient_norms(one, limits, _=_),
                key=f"gradients-{name}",
                config=layout.STILL,
                alt=_("Size of the gradient of each layer after each epoch, {name}").format(
                    name=name
                ),
            )
            st.write(reading(one))


def reading(found: Gradients) -> str:
    """What the gradients of a network say, in words."""
    first, last = found.norms[0, [0, -1]].tolist()
    text = _("After {n} epochs **{accuracy:.1%}** of its training images are right.").format(
        n=EPOCHS, accuracy=found.accuracy[-1]
    )
    if not all(0 < norm < math.inf for norm in (first, last)):
        return text
    sizes = _(
        "Before the training the gradient of the first layer is **{ratio:.2g}** times that of the "
        "output layer."
    )
    return f"{sizes.format(ratio=first / last)} {text}"


def numbers(found: dict[str, Gradients]) -> None:
    """The same in numbers, and how many units never fire."""
    layers = range(1, found[ACTIVATIONS[0]].silent.shape[1] + 1)
    content = pd.DataFrame(
        [
            {
                _("Activation"): name,
                _("Layer"): f"{layer}",
                _("Gradient before"): f"{one.norms[0, layer - 1]:.2g}",
                _("Gradient at the end"): f"{one.norms[-1, layer - 1]:.2g}",
                _("Units that never fire"): f"{one.silent[-1, layer - 1]:.0%}",
            }
            for name, one in found.items()
            for layer in layers
        ]
    )
    with st.expander(_("In numbers, with the units that never fire")):
        st.dataframe(
            content,
            hide_index=True,
            column_config=layout.numbers_right(content),
            height="content",
            alt=_("Gradient and silent units of each layer"),
        )
        st.caption(
            _(
                "A unit that never fires is 0 for each of the {n} images: its weights get no "
                "gradient from them. Only ReLU has such units."
            ).format(n=PROBE)
        )


def explain(current: Choice) -> None:
    """What was measured, and why it is so."""
    st.write(
        _(
            "On its way back through the network, the gradient is multiplied by the slope of each "
            "activation: at most 1/4 for sigmoid, at most 1 for tanh, and 0 or 1 for ReLU. With "
            "many layers little may be left for the first ones: they hardly learn."
        )
    )
    st.caption(
        _(
            "Three networks with {neurons} neurons in each hidden layer, {optimizer}, {epochs} "
            "epochs, batch {batch}, on the first {images:,} training images of {title}; size of "
            "the gradient by the weights of a layer (Euclidean norm) on {probe} of them. One run, "
            "seed {seed}."
        ).format(
            neurons=NEURONS,
            optimizer=current.spec.optimizer.text,
            epochs=EPOCHS,
            batch=BATCH,
            images=min(IMAGES, len(current.data.x_train)),
            title=current.data.definition.title,
            probe=PROBE,
            seed=current.spec.train.seed,
        )
    )


current = layout.begin(
    _("Why do the first layers of a deep network learn so slowly?"), choice_of="data"
)
layers, normalised = settings()
found = look_at(current, layers, normalised)
charts(found)
numbers(found)
explain(current)
choice.mark_done()
layout.next_step()
