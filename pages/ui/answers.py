"""What networks say to a picture: the answer, how sure it is, and why it may be none."""

from collections.abc import Collection, Mapping

import pandas as pd
import streamlit as st

from core.charts import classes as charts
from core.data.contract import Images
from core.drawing import preparation, recognition
from core.drawing.preparation import STEPS, Drawing
from core.drawing.recognition import ALIKE, REFERENCES, SURE, THICK, Answer
from core.i18n import N_
from core.store import Run
from pages.ui import layout, networks
from pages.ui.choice import Choice
from pages.ui.text import _

MEASURED = "mnist"
"""The data set whose drawings and networks the figures on the page Draw are of."""

UNSURE_SHARES = {
    N_("MNIST test images (1,000)"): 0.055,
    N_("drawings by 53 people (537)"): 0.041,
    N_("letters of notMNIST (1,000)"): 0.716,
    N_("clothes of Fashion-MNIST (1,000)"): 0.750,
    N_("scribbles (300)"): 0.707,
}
"""Of the drawing model, by `python -m tests.measure_unsure`."""


def prepare(current: Choice, picture: Images, steps: Collection[str] = STEPS) -> Drawing:
    """A picture as networks for the chosen data set read it."""
    return preparation.prepare(picture, preparation.input_form(current.data.definition), steps)


def read(current: Choice, drawings: list[Drawing], run: Run) -> list[Answer]:
    """What a network says to drawings."""
    return recognition.recognise(networks.network(run), drawings, networks.reference(current.data))


def short(current: Choice, answer: Answer) -> str:
    """An answer in a word: the class, with a question mark if the network is unsure."""
    if answer.label is None:
        return _("nothing drawn")
    name = current.class_names[answer.label]
    return _("unsure ({name}?)").format(name=name) if answer.unsure else name


def show(current: Choice, run: Run, answer: Answer) -> None:
    """The class, how sure the network is, and its outputs."""
    names = current.class_names
    assert answer.label is not None, "only pictures with ink get here"
    st.metric(
        _("Answer"),
        _("unsure") if answer.unsure else names[answer.label],
        _("probability {share:.1%}").format(share=answer.certainty),
        delta_color="off",
        delta_arrow="off",
    )
    outputs = answer.probabilities
    values = ", ".join(f"{name} {value:.4f}" for name, value in zip(names, outputs, strict=True))
    st.plotly_chart(
        charts.probability_bars(outputs, names, answer.label, _=_),
        key=f"outputs-{run.key}",
        config=layout.STILL,
        alt=_("Probabilities of the classes: {values}").format(values=values),
    )


def say_why_unsure(current: Choice, said: Mapping[str, Answer], alike: float = ALIKE) -> None:
    """One box for the networks, by their titles, that are unsure of a picture.

    A sure answer is at least `alike` similar to a training image.
    """
    reasons = {title: _why_unsure(current, one, alike) for title, one in said.items() if one.unsure}
    if len(reasons) == 1:
        [text] = reasons.values()
    else:
        text = "\n".join(f"- {title}: {reason}" for title, reason in reasons.items())
    if reasons:
        st.warning(text, icon=":material/help:")


def _why_unsure(current: Choice, answer: Answer, alike: float) -> str:
    """Which of the three signs speak against a picture of any class."""
    best = current.class_names[answer.label or 0]
    reasons = []
    if not answer.certainty >= SURE:
        reasons.append(
            _("the largest probability, for {name}, is {value:.1%}, below {limit:.0%}").format(
                name=best, value=answer.certainty, limit=SURE
            )
        )
    if answer.similarity < alike:
        reasons.append(
            _(
                "the most similar training image is only {value:.2f} alike, below {limit:.2f}"
            ).format(value=answer.similarity, limit=alike)
        )
    if answer.thickness > THICK:
        reasons.append(
            _("its strokes are {value:.0%} as wide as it is long, above {limit:.0%}").format(
                value=answer.thickness, limit=THICK
            )
        )
    text = _("This may be none of the {n} classes: {reasons}.")
    return text.format(n=len(current.class_names), reasons=_(", and ").join(reasons))


def when_unsure(current: Choice) -> None:
    """How the page decides that it is unsure, and how often that is right."""
    with st.expander(_("When is the answer “unsure”?")):
        st.markdown(
            _(
                "A network always names one of its {classes} classes, also for a scribble. The "
                "page calls the answer unsure if the largest probability is below **{sure:.0%}**, "
                "if none of the first {n:,} training images is at least **{alike:.2f}** alike "
                "(cosine of the two slightly blurred pictures, 1 for equal ones), or if the "
                "strokes are wider than **{thick:.0%}** of the drawing's longer side."
            ).format(
                classes=len(current.class_names),
                sure=SURE,
                n=REFERENCES,
                alike=ALIKE,
                thick=THICK,
            )
        )
        if current.data.name != MEASURED:
            return
        st.markdown(_("So often is the drawing model called unsure, measured once:"))
        shares = {
            _("pictures"): [_(name) for name in UNSURE_SHARES],
            _("unsure"): [f"{share:.1%}" for share in UNSURE_SHARES.values()],
        }
        st.dataframe(pd.DataFrame(shares), hide_index=True)
        st.markdown(
            _(
                "Some shoes and letters look like digits, and some digits like nothing known: no "
                "threshold tells all of them apart. They were chosen with pictures like these."
            )
        )
