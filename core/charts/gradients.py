"""The gradients of the layers of a network, epoch by epoch."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from core.charts.style import Translate, base_figure, style
from core.i18n import untranslated
from core.training.gradients import Gradients


def gradient_norms(
    found: Gradients, limits: tuple[float, float], _: Translate = untranslated
) -> go.Figure:
    """The norm of each layer's gradient before the training and after each epoch, as powers of ten.

    `limits` are the ends of the axis: equal ones make charts that can be compared.
    """
    figure = base_figure(300, hovermode="x unified")
    layers = found.norms.shape[1]
    for layer in range(layers):
        look = style(layer)
        name = _("layer {n}").format(n=layer + 1) if layer + 1 < layers else _("output")
        figure.add_scatter(
            x=list(range(len(found.norms))),
            y=[value if 0 < value < math.inf else None for value in found.norms[:, layer].tolist()],
            name=name,
            mode="lines+markers",
            line={"color": look.colour, "dash": look.dash},
            marker={"symbol": look.symbol, "size": 6},
            hovertemplate="%{y:.2g}",
        )
    figure.update_xaxes(title=_("epoch"), fixedrange=True)
    figure.update_yaxes(
        title=_("size of the gradient"),
        type="log",
        dtick=1,
        tickformat="~g",
        range=[math.log10(limit) for limit in limits],
        fixedrange=True,
    )
    return figure


def common_limits(all_found: Sequence[Gradients]) -> tuple[float, float]:
    """The ends of an axis that holds all of them, each a power of ten."""
    norms = (value for found in all_found for value in found.norms.ravel().tolist())
    values = [value for value in norms if 0 < value < math.inf]
    low, high = min(values, default=0.1), max(values, default=1.0)
    return 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high) + 1e-9)
