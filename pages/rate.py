"""The learning-rate finder: one short training in which the learning rate grows."""

from dataclasses import replace

import streamlit as st

from core import finder, motion_charts, specs
from core.finder import HIGHEST, LOWEST, STEPS, Sweep
from core.optimizers import OPTIMIZERS
from core.specs import RunSpec
from pages.ui import frame, lab
from pages.ui.text import _


@st.cache_data(max_entries=200, show_spinner=False)
def sweep_of(key: str, _spec: RunSpec) -> Sweep:
    return lab.engine().ask(finder.sweep, _spec)


def reading(sweep: Sweep, default: float) -> str:
    """What the curve says, in words."""
    steepest, lowest = sweep.rates[sweep.steepest], sweep.rates[sweep.lowest]
    text = _(
        "The loss falls fastest near **{steepest:.2g}**: begin there. It is lowest near "
        "{lowest:.2g}, which is too high already. Keras's default is {default:g}."
    ).format(steepest=steepest, lowest=lowest, default=default)
    if sweep.diverged:
        text += " " + _("Above {last:.2g} the training runs away.").format(last=sweep.rates[-1])
    return text


current = frame.begin(_("Which learning rate suits this network and optimizer?"))
spec = current.spec
if spec.model.kind != "dense":
    st.info(_("The finder is for fully connected networks: choose another one in the sidebar."))
    st.stop()
name = st.selectbox(
    _("Optimizer"),
    list(OPTIMIZERS),
    list(OPTIMIZERS).index(spec.optimizer.name),
    format_func=lambda name: OPTIMIZERS[name].title,
    key=f"finder-{spec.optimizer.name}",
    width=260,
)
st.write(
    _(
        "A new network trains for up to {n} steps, and the learning rate grows with every step, "
        "from {low:g} to {high:g}. Where the loss falls, the network learns; where it rises, steps "
        "are too large."
    ).format(n=STEPS, low=LOWEST, high=HIGHEST)
)
optimizer = spec.optimizer if name == spec.optimizer.name else specs.optimizer_spec(name)
wanted = replace(spec, optimizer=optimizer)
with st.spinner(_("Sweeping: some seconds, with a large network a minute")):
    sweep = sweep_of(wanted.key, wanted)
st.plotly_chart(
    motion_charts.sweep_chart(sweep, _=_),
    key="sweep",
    config=frame.STILL,
    alt=_("Loss against the learning rate"),
)
st.write(reading(sweep, OPTIMIZERS[name].learning_rate))
st.caption(
    _(
        "One sweep with seed {seed}, batch {batch}: the finder narrows the choice, trainings "
        "decide. Compare rates in an own study on the page Optimizers. Method: Smith (2017), "
        "“Cyclical learning rates for training neural networks”."
    ).format(seed=spec.train.seed, batch=spec.train.batch_size)
)
