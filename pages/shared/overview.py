"""What the lab is, the choice, and what is trained already."""

import pandas as pd
import streamlit as st

from core.labs.digits import VARIANTS
from pages.ui import choice, fields, layout
from pages.ui.text import _

current = layout.begin(
    _(
        "Train a neural network to recognise handwritten digits or clothes, then look at what it "
        "gets right and wrong. Choose a data set and a variant, then follow the steps."
    )
)

layout.link("draw", _("Or draw a digit at once, and watch a trained network read it"))

st.subheader(_("The variants"))
st.write(_("Tap a row to choose it. This page's address carries the choice: share it as a link."))

table = pd.DataFrame(
    [
        {
            _("Variant"): number,
            _("Test accuracy"): layout.figure(run.test_accuracy if run else None),
            _("Hidden layers"): " + ".join(map(str, variant.hidden)),
            _("Epochs"): variant.epochs,
            _("Batch size"): variant.batch_size,
            _("Validation"): f"{variant.validation_split:.0%}",
            _("Samples"): variant.samples,
            _("Digits to check"): ", ".join(map(str, variant.test_indices)),
            _("Mistakes to show"): variant.mistakes,
        }
        for number, variant in VARIANTS.items()
        for run in [lab.find_variant_run(current.data, number)]
    ]
)


# A key for each choice: whoever chooses in the sidebar sees that row marked here.
key = f"variants-{current.number}"


def choose_row() -> None:
    """Take the tapped row as the choice."""
    if rows := st.session_state[key].selection.rows:
        st.session_state.variant = str(list(VARIANTS)[rows[0]])
        fields.forget()


st.dataframe(
    table,
    hide_index=True,
    height="content",
    key=key,
    on_select=choose_row,
    selection_mode="single-row",
    selection_default={"selection": {"rows": [] if current.number is None else [current.number]}},
    alt=_("The parameters of each variant, and its test accuracy once it is trained"),
)
st.caption(
    _("Test accuracy: of one run each with seed 0, on the images named above; – before training.")
)

st.subheader(_("Your choice: {name}").format(name=current.name))
st.dataframe(layout.parameters(current), hide_index=True, height="content", width="stretch")

choice.mark_done("overview")
layout.next_step()
