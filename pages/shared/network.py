"""The network of the choice: its layers, its weights, and the Keras code that builds it."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.charts import networks as charts
from core.charts import pictures
from core.fields import Limit, WholeNumber
from core.i18n import N_
from core.networks import bases, summary
from core.networks.forward import TrainedNetwork
from core.networks.frozen import Pretrained
from core.networks.layers import Conv2D, Floats, Pooling
from core.networks.structure import LayerRow
from pages.ui import choice, fields, layout, networks
from pages.ui.choice import Choice
from pages.ui.text import _

COLUMNS, MAPS, BETWEEN = 16, 32, 190
"""Small pictures in a row, how many of a layer are shown, and the grey between them."""


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
    """Each layer with its output and its weights, and whether these are trained."""
    st.subheader(_("Layers"))
    content: dict[str, Sequence[object]] = {
        _("layer"): [row.name for row in rows],
        _("output"): [" × ".join(map(str, row.shape)) for row in rows],
        _("weights"): [row.weights for row in rows],
        _("share"): [row.share for row in rows],
    }
    if rows[0].frozen:
        content[_("trained")] = [_("frozen") if row.frozen else _("yes") for row in rows]
    st.dataframe(
        pd.DataFrame(content),
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
    if rows[0].frozen:
        frozen = sum(row.weights for row in rows if row.frozen)
        text = _(
            "**Trained: {trained:,} weights. Not trained: {frozen:,} weights** of the frozen "
            "layers, which were learned elsewhere and stay as they are."
        )
        trained = sum(row.weights for row in rows) - frozen
        st.write(text.format(trained=trained, frozen=frozen))


def as_keras_has_it(rows: Sequence[LayerRow]) -> None:
    """The lines that build the network, and what Keras prints of it."""
    st.subheader(_("The Keras code"))
    st.code(summary.keras_code(rows), language="python")
    first = rows[0].layer
    if isinstance(first, Pretrained):  # which Keras prints as the layers of this code
        if not bases.BASES[first.name].keras:
            text = _("Keras has no {title}: in this code `{name}` stands for it.")
            st.caption(text.format(title=bases.BASES[first.name].title, name=first.name))
        return
    if rows[0].frozen:
        st.caption(_("This code does not load the weights that the frozen layers have learned."))
    with st.expander(_("What Keras prints of it")):
        st.code(summary.keras_summary(rows), language=None)


def what_convolutions_see(current: Choice) -> None:
    """The filters of the first convolution, and what an image becomes on its way."""
    if not any(isinstance(row.layer, Conv2D) for row in current.layers):
        return
    st.subheader(_("What convolutions see"))
    run = current.run
    if run is None:
        st.caption(_("Once this network is trained, its filters and what they see are shown here."))
        fields.pass_over("index")
        return
    network = networks.network(run)
    filters(network)
    feature_maps(current, network)


def filters(network: TrainedNetwork) -> None:
    """Those of the first layer that has any."""
    pairs = zip(network.rows, network.weights, strict=True)
    row, kernel = next((row, w[0]) for row, w in pairs if isinstance(row.layer, Conv2D))
    st.write(
        _(
            "The {n} filters of **{layer}**, each {side} × {side} weights, by which it multiplies "
            "the numbers of the image: those above 0 are dark, those below it light, and 0 is grey."
        ).format(n=kernel.shape[3], layer=row.name, side=kernel.shape[0])
    )
    shown = pictures.shades(kernel.mean(axis=2).transpose(2, 0, 1))
    picture = pictures.grid(shown, COLUMNS, 50, negative=False)
    st.image(picture, alt=_("The filters of {layer}").format(layer=row.name))


def feature_maps(current: Choice, network: TrainedNetwork) -> None:
    """What each layer makes of a test image, as long as it still is a picture."""
    data = current.data
    last = len(data.x_test) - 1
    index = fields.number(
        WholeNumber("index", N_("test image"), 0, Limit(0, last)),
        label=_("Test image, from 0 to {last}").format(last=last),
        width=200,
    )
    image = data.x_test[index : index + 1]
    name = current.class_names[data.y_test[index]]
    st.image(
        pictures.grid(image, 1, 112, negative=data.definition.negative),
        alt=_("Test image {i}, a picture of {name}").format(i=index, name=name),
    )
    activations = network.activations(image)
    for row in network.rows:
        if isinstance(row.layer, Conv2D | Pooling):
            layer_maps(row, activations[row.name][0])
    st.caption(
        _(
            "Each small picture is what one filter has found, the darker the more. Where a layer "
            "passes on numbers below 0, grey is 0."
        )
    )


def layer_maps(row: LayerRow, values: Floats) -> None:
    """What one layer passes on, (height, width, maps); the first ones if there are many."""
    flow = " × ".join(map(str, row.shape))
    text = _("**{layer}**: {flow}")
    if values.shape[2] > MAPS:
        text = _("**{layer}**: {flow}, the first {n}")
    st.markdown(text.format(layer=row.name, flow=flow, n=MAPS))
    shown = pictures.shades(values.transpose(2, 0, 1))[:MAPS]
    picture = pictures.grid(shown, COLUMNS, 56, negative=False, between=BETWEEN)
    st.image(picture, alt=_("What {layer} makes of the image").format(layer=row.name))


current = layout.begin(
    _("How is the network built, and how many weights does training have to find?")
)
rows = current.layers
diagram(rows, current.class_names)
table(rows)
explanation(rows)
as_keras_has_it(rows)
what_convolutions_see(current)
choice.mark_done()
layout.next_step()
