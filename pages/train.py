"""Train the chosen network and watch it learn; a finished run is shown at once."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core import charts
from core.errors import LabError
from core.runs import Claim, Epoch, Run
from pages.ui import frame, lab
from pages.ui.text import _

STATES = {
    "queued": _("Waiting for a free worker"),
    "preparing": _("Preparing: loading TensorFlow and the data, compiling the network"),
    "saving": _("Testing the network and saving the run"),
}


def curves(epochs: Sequence[Epoch], total: int) -> None:
    """Loss and accuracy, training and validation, over all epochs to come."""
    left, right = st.columns(2)
    left.plotly_chart(
        charts.learning_curves(epochs, "loss", total, _=_),
        key="loss",
        config=frame.STILL,
        alt=_("Loss of training and validation after each epoch"),
    )
    right.plotly_chart(
        charts.learning_curves(epochs, "accuracy", total, _=_),
        key="accuracy",
        config=frame.STILL,
        alt=_("Accuracy of training and validation after each epoch"),
    )


def epoch_table(epochs: Sequence[Epoch]) -> None:
    """Every figure of every epoch; a loss that is not a number is called diverged."""
    rows = [
        {
            _("Epoch"): row.epoch,
            _("Loss"): frame.figure(row.loss),
            _("Accuracy"): frame.figure(row.accuracy),
            _("Validation loss"): frame.figure(row.val_loss),
            _("Validation accuracy"): frame.figure(row.val_accuracy),
            _("Seconds"): f"{row.seconds:.2f}",
        }
        for row in epochs
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, height="content", alt=_("Table of epochs"))


def finished(run: Run) -> None:
    """A finished run: its test figures, its curves and its table."""
    frame.result_tiles(run)
    curves(run.epochs, run.spec.train.epochs)
    epoch_table(run.epochs)
    st.caption(frame.provenance(run))
    frame.next_step()


def start() -> None:
    """Ask for the run of the current choice."""
    try:
        lab.engine().submit(lab.choice().spec)
    except LabError as error:
        st.session_state.start_error = error


def offer(claim: Claim | None, total: int) -> None:
    """The button that starts, after an earlier attempt with what is known of it."""
    if claim:
        show = st.info if claim.state == "stopped" else st.warning
        show(frame.sentence(claim.error))
    if error := st.session_state.pop("start_error", None):
        frame.show_error(error)
    label = _("Start again") if claim else _("Start training")
    st.button(label, type="primary", icon=":material/play_arrow:", on_click=start)
    if claim and claim.epochs:
        st.caption(_("What the attempt that ended early had reached:"))
        curves(claim.epochs, total)
    elif not claim:
        st.caption(_("The curves appear here while the network trains, epoch by epoch."))


@st.fragment(run_every=1)
def watch(key: str, total: int) -> None:
    """A run that is under way. When it ends, the whole page is drawn anew."""
    claim = lab.engine().store.claimed(key)
    if claim is None or not claim.alive:
        st.rerun()
    st.progress(claim.fraction, progress_text(claim, total))
    if lab.engine().owns(key):
        st.button(
            _("Stop"), icon=":material/stop:", on_click=lab.engine().stop, args=[key], key="stop"
        )
    else:
        st.caption(_("Another program on this computer trains this run: stop it there."))
    curves(claim.epochs, total)
    if claim.epochs:
        epoch_table(claim.epochs)


def progress_text(claim: Claim, total: int) -> str:
    """Where the run is, and how long it still takes."""
    if claim.state != "running":
        return STATES[claim.state]
    text = _("Epoch {n} of {total}").format(n=min(len(claim.epochs) + 1, total), total=total)
    if claim.seconds_left is None:
        return text
    return _("{text}, about {n:.0f} s left").format(text=text, n=claim.seconds_left)


current = frame.begin(
    _("How do loss and accuracy change, and does it still improve on images it never trains on?")
)
epochs = current.spec.train.epochs
run = current.run
claim = None if run else lab.engine().store.claimed(current.spec.key)
if run:
    finished(run)
elif claim and claim.alive:
    watch(current.spec.key, epochs)
else:
    offer(claim, epochs)
