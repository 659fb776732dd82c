"""The network of the chosen variant: its layers, its weights, and the Keras code that builds it."""

import pandas as pd
import streamlit as st

from core.charts import networks as charts
from core.networks import summary as structure
from pages.ui import choice, layout
from pages.ui.text import _

current = layout.begin(
    _("How is the network built, and how many weights does training have to find?")
)
model = current.spec.model
rows = structure.layers(model)
total = sum(row.weights for row in rows)
flow = " → ".join(" × ".join(map(str, row.shape)) for row in rows)

st.subheader(_("Diagram"))
st.plotly_chart(
    charts.network_diagram(model, current.class_names, _=_),
    key="diagram",
    width=600,
    config=layout.STILL,
    alt=_("Network {flow}: {total:,} weights").format(flow=flow, total=total),
)

st.subheader(_("Layers"))
st.dataframe(
    pd.DataFrame(
        {
            _("layer"): [row.name for row in rows],
            _("output"): [" × ".join(map(str, row.shape)) for row in rows],
            _("weights"): [row.weights for row in rows],
            _("share"): [row.share for row in rows],
        }
    ),
    column_config={
        _("weights"): st.column_config.NumberColumn(format="localized"),
        _("share"): st.column_config.NumberColumn(format="percent"),
    },
    hide_index=True,
    height="content",
    alt=_("Layers, outputs, weights and shares of the network {flow}").format(flow=flow),
)
dense = _(
    "A Dense layer has one weight for each pair of input and neuron, and one bias for each neuron; "
    "both are counted as weights here: **{total:,}** in all. Flatten only lays the numbers end to "
    "end."
)
convolution = _(
    "A Conv2D layer moves each of its filters, 3 × 3 weights for each channel and one bias, over "
    "the whole picture. MaxPooling2D keeps the largest of 2 × 2 numbers. Dropout forgets half of "
    "the numbers at random while the network trains."
)
st.write(dense.format(total=total))
if model.kind == "drawing":
    st.write(convolution)

st.subheader(_("As Keras prints it"))
st.code(structure.keras_summary(model), language=None)

st.subheader(_("The Keras code"))
st.code(structure.keras_code(model), language="python")

choice.mark_done("network")
layout.next_step()
