"""The network of the choice: its layers, its weights, and the Keras code that builds it."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.charts import networks as charts
from core.networks import summary
from core.networks.structure import LayerRow
from pages.ui import choice, layout
from pages.ui.text import _


def flow(rows: Sequence[LayerRow]) -> str:
    """The shapes that an image takes on its way through the network."""
    return " → ".join(" × ".join(map(str, row.shape)) for row in rows)


def diagram(rows: Sequence[LayerRow], class_names: Sequence[str]) -> None:
    """The network as a picture."""
    st.subheader(_("Diagram"))
    st.plotly_chart(
        charts.network_diagram(rows, class_names, _=_),
        key="diagram",
        width=600,
        config=layout.STILL,
        alt=_("Network {flow}: {total:,} weights").format(
            flow=flow(rows), total=sum(row.weights for row in rows)
        ),
    )


def table(rows: Sequence[LayerRow]) -> None:
    """Each layer with its output and its weights."""
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
        alt=_("Layers, outputs, weights and shares of the network {flow}").format(flow=flow(rows)),
    )


def explanation(rows: Sequence[LayerRow]) -> None:
    """What each kind of layer in the network does, and how its weights are counted."""
    dense = _(
        "A Dense layer has one weight for each pair of input and neuron, and one bias for each "
        "neuron; both are counted as weights here: **{total:,}** in all."
    ).format(total=sum(row.weights for row in rows))
    others = dict.fromkeys(_(row.layer.meaning) for row in rows if row.layer.meaning)
    st.write(" ".join([dense, *others]))


def as_keras_has_it(rows: Sequence[LayerRow]) -> None:
    """The lines that build the network, and what Keras prints of it."""
    st.subheader(_("The Keras code"))
    st.code(summary.keras_code(rows), language="python")
    with st.expander(_("What Keras prints of it")):
        st.code(summary.keras_summary(rows), language=None)


current = layout.begin(
    _("How is the network built, and how many weights does training have to find?")
)
rows = current.layers
diagram(rows, current.class_names)
table(rows)
explanation(rows)
as_keras_has_it(rows)
choice.mark_done()
layout.next_step()
