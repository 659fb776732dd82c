"""Draw something or bring a picture of it, and watch networks read it, step by step."""

from collections.abc import Collection

import numpy as np
import pandas as pd
import streamlit as st

from core.charts import classes as charts
from core.charts import pictures
from core.data.contract import Images
from core.drawing import preparation as drawing
from core.drawing import recognition
from core.drawing.preparation import STEPS, Drawing, InputForm
from core.drawing.recognition import ALIKE, REFERENCES, SURE, THICK, Answer
from core.fields import OneOf, Switch
from core.i18n import N_
from core.store import Run
from pages.ui import choice, drawing_input, fields, layout, networks, server, training
from pages.ui.text import _, plural

SOURCE = OneOf(
    "source", N_("picture"), "canvas", {"canvas": N_("Draw here"), "files": N_("Upload pictures")}
)
SHEET = Switch("sheet", N_("as in the lab sheet: no step, only resized"), False)


def step_names(form: InputForm) -> dict[str, str]:
    """What stands below the picture after each step."""
    high, wide = form.box
    return {
        "original": _("Your picture"),
        "ink": _("Ink found"),
        "crop": _("Cropped"),
        "scale": _("{high} × {wide} box").format(high=high, wide=wide),
        "slant": _("Slanted"),
        "stroke": _("Even strokes"),
        "centre": _("Centred"),
    }


def step_reasons(form: InputForm) -> dict[str, str]:
    """Why each step is taken, with the numbers of the data set."""
    values = {
        "title": current.data.definition.title,
        "box_high": form.box[0],
        "box_wide": form.box[1],
        "stroke": form.stroke,
        "high": form.shape[0],
        "wide": form.shape[1],
    }
    reasons = {
        "ink": _("{title} is dark ink on white. What differs from the paper is ink, dark or light.")
        if form.ink == "dark"
        else _("{title} is light ink on black. What differs from the paper is ink, dark or light."),
        "crop": _("Where on the paper it stands does not matter."),
        "scale": _(
            "For {title} a box of {box_high} × {box_wide} pixels is filled, as MNIST's digits fill "
            "20 × 20 of their 28 × 28; the shape is kept."
        ),
        "slant": _("Handwriting leans and is narrow; what a mouse draws is upright and wide."),
        "stroke": _(
            "For {title} strokes become {stroke:.1f} pixels wide, about as MNIST's are: 2.8 of 28."
        ),
        "centre": _(
            "The centre of mass comes to the middle of {high} × {wide}, where MNIST's digits have "
            "it."
        ),
    }
    return {step: reason.format(**values) for step, reason in reasons.items()}


def offer_training() -> None:
    """Train the network of the choice from here, and go on with it when it is finished."""
    spec = current.spec
    if current.run:
        return
    claim = server.engine().store.claimed(spec.key)
    if training.goes_on(claim):
        wait(spec.key)
    else:
        label = _("Train {name} and use it here").format(name=current.name)
        training.button(label, claim, "secondary" if runs else "primary")


@st.fragment(run_every=1)
def wait(key: str) -> None:
    """A training that is under way. When it ends, the page goes on with its network."""
    claim = server.engine().store.claimed(key)
    if not training.goes_on(claim):
        st.session_state.new_network = key
        st.rerun()
    assert claim
    training.progress(claim)


def wanted_steps() -> list[str]:
    """The steps that are switched on."""
    if fields.value(SHEET):
        return []
    return [step for step in STEPS if fields.value(switch(step))]


def switch(step: str) -> Switch:
    """The switch of a step."""
    return Switch(f"step-{step}", step, True)


def prepare(picture: Images, steps: Collection[str] = STEPS) -> Drawing:
    """A picture as networks for the chosen data set read it."""
    return drawing.prepare(picture, drawing.input_form(current.data.definition), steps)


def read(drawings: list[Drawing], run: Run) -> list[Answer]:
    """What a network says to drawings."""
    return recognition.recognise(networks.network(run), drawings, networks.reference(current.data))


@st.fragment
def desk(runs: list[Run]) -> None:
    """The picture beside the answers, and below them what the networks see of it."""
    steps = wanted_steps()
    left, right = st.columns([2, 3], gap="large")
    with left:
        picture = one_picture(runs[0], steps)
    prepared = prepare(picture, steps) if picture is not None else None
    with right:
        if picture is None or prepared is None or prepared.blank:
            say_empty(picture)
        else:
            choice.mark_done("draw")
            answers = [read([prepared], run)[0] for run in runs]
            for place, run, answer in zip(st.columns(len(runs)), runs, answers, strict=True):
                with place:
                    show_answer(run, answer)
    show_steps(prepared)
    collect(picture, runs[0])
    fields.write()


def one_picture(run: Run, steps: list[str]) -> Images | None:
    """The picture on the canvas, or the uploaded one to look at."""
    source = fields.radio(SOURCE, label_visibility="collapsed")
    if source == "canvas":
        return drawing_input.canvas()
    found, errors = drawing_input.files()
    chosen = next(iter(found), None)
    if len(found) > 1:
        chosen = st.selectbox(_("Look at"), list(found), key="look_at")
        answers = read([prepare(picture, steps) for picture in found.values()], run)
        rows = [
            {_("file"): name, _("answer"): short(answer), _("probability"): answer.certainty}
            for name, answer in zip(found, answers, strict=True)
        ]
        st.dataframe(
            pd.DataFrame(rows),
            hide_index=True,
            column_config={_("probability"): st.column_config.NumberColumn(format="percent")},
            alt=_("What {network} says to each file").format(network=networks.name(run)),
        )
    if errors:
        st.error("  \n".join(map(layout.sentence, errors)), icon=":material/warning:")
    return found[chosen] if chosen else None


def short(answer: Answer) -> str:
    """An answer in a word: the class, with a question mark if the network is unsure."""
    if answer.label is None:
        return _("nothing drawn")
    name = current.class_names[answer.label]
    return _("unsure ({name}?)").format(name=name) if answer.unsure else name


def say_empty(picture: Images | None) -> None:
    """Nothing is predicted for nothing."""
    if picture is not None:
        text = _("There is no ink in this picture, so nothing is predicted.")
    elif st.session_state.source == "canvas":
        text = _("The canvas is empty: draw {one}. The answer appears here after each stroke.")
        text = text.format(one=_(current.data.definition.one))
    else:
        text = _("No picture yet. The answer appears here.")
    st.info(text, icon=":material/draw:")


def show_answer(run: Run, answer: Answer) -> None:
    """The class, how sure the network is, and its outputs."""
    names = current.class_names
    assert answer.label is not None, "only pictures with ink get here"
    st.caption(networks.name(run))
    layout.tiles(
        {
            _("Answer"): _("unsure") if answer.unsure else names[answer.label],
            _("Probability"): f"{answer.certainty:.1%}",
        }
    )
    outputs = answer.probabilities
    values = ", ".join(f"{name} {value:.4f}" for name, value in zip(names, outputs, strict=True))
    st.plotly_chart(
        charts.probability_bars(outputs, names, answer.label, _=_),
        key=f"outputs-{run.key}",
        config=layout.STILL,
        alt=_("Probabilities of the classes: {values}").format(values=values),
    )
    if answer.unsure:
        st.warning(why_unsure(answer), icon=":material/help:")


def why_unsure(answer: Answer) -> str:
    """Which of the three signs speak against a drawing of any class."""
    best = current.class_names[answer.label or 0]
    reasons = []
    if not answer.certainty >= SURE:
        reasons.append(
            _("the largest probability, for {name}, is {value:.1%}, below {limit:.0%}").format(
                name=best, value=answer.certainty, limit=SURE
            )
        )
    if answer.similarity < ALIKE:
        reasons.append(
            _(
                "the most similar training image is only {value:.2f} alike, below {limit:.2f}"
            ).format(value=answer.similarity, limit=ALIKE)
        )
    if answer.thickness > THICK:
        reasons.append(
            _("its strokes are {value:.0%} as wide as it is long, above {limit:.0%}").format(
                value=answer.thickness, limit=THICK
            )
        )
    text = _("This may be none of the {n} classes: {reasons}.")
    return text.format(n=len(current.class_names), reasons=_(", and ").join(reasons))


def show_steps(prepared: Drawing | None) -> None:
    """The picture after each step, with a switch for the step."""
    wanted = current.data.definition
    form = drawing.input_form(wanted)
    high, wide = form.shape
    st.subheader(_("What the network sees"))
    st.write(
        _(
            "Your picture becomes {high} × {wide} numbers like those of {title}, one step after "
            "the other. Switch a step off, and watch the probabilities move."
        ).format(high=high, wide=wide, title=wanted.title)
    )
    if wanted.name != MEASURED:
        text = _("These steps are made for digits. For {many}, switch some off and compare.")
        st.info(text.format(many=_(wanted.many)))
    sheet = fields.toggle(
        SHEET,
        label=_("As in the lab sheet: no step, only resized to {high} × {wide}").format(
            high=high, wide=wide
        ),
    )
    reasons = step_reasons(form)
    with st.container(horizontal=True):
        for step, name in step_names(form).items():
            with st.container(width=164):
                if prepared:
                    st.image(
                        pictures.tile(
                            prepared.shown[step],
                            negative=wanted.negative and step != "original",
                        ),
                        alt=_("{step}: the picture after this step").format(step=name),
                    )
                if step == "original":
                    st.markdown(name)
                else:
                    fields.checkbox(switch(step), label=name, help=reasons[step], disabled=sheet)
        if prepared and not prepared.blank:
            show_most_similar(prepared)


def show_most_similar(prepared: Drawing) -> None:
    """The training image that the drawing is most like, whatever a network says."""
    images = current.data.arrays.x_train
    [(index, similarity)] = recognition.most_similar([prepared], networks.reference(current.data))
    with st.container(width=164):
        st.image(
            pictures.tile(images[index], negative=current.data.definition.negative),
            alt=_("The training image that is most like the drawing"),
        )
        st.markdown(
            _("Most similar training image: **{value:.2f}** alike").format(value=similarity)
        )


def collect(picture: Images | None, run: Run) -> None:
    """Keep drawings with the right answer, and count how many are read right."""
    st.subheader(_("Why do drawings fail?"))
    st.write(
        _(
            "A network knows only what it was trained on. Your drawings come from elsewhere: "
            "another pen, another size, another place on the paper. This is called distribution "
            "shift: test accuracy says nothing about such pictures. The steps above bring a "
            "drawing back to what the images of {title} look like. Keep some drawings of your own "
            "and count."
        ).format(title=current.data.definition.title)
    )
    if current.data.name == MEASURED:
        st.write(
            _(
                "Of 537 drawings by 53 people a network of 256 neurons with 97.7% on MNIST (seed "
                "0) reads 17% as in the lab sheet, 62% once ink is told from paper, and 95% after "
                "all steps; the drawing model reads 99%."
            )
        )
    kept = st.session_state.setdefault("kept", [])
    names = current.class_names
    truth = st.pills(
        _("What is it really?"), range(len(names)), format_func=names.__getitem__, key="truth"
    )

    def keep() -> None:
        kept.append((current.data.name, picture, truth))
        st.session_state.truth = None
        if st.session_state.source == "canvas":
            drawing_input.clear()

    st.button(
        _("Keep this drawing"),
        icon=":material/bookmark:",
        on_click=keep,
        disabled=picture is None or truth is None,
    )
    mine = [(image, label) for name, image, label in kept if name == current.data.name]
    if mine:
        count(mine, run)


def count(mine: list[tuple[Images, int]], run: Run) -> None:
    """The kept drawings: how many are read right as in the lab sheet, and after all steps."""
    names = current.class_names
    right = {}
    said = {}
    for title, steps in ((_("As in the lab sheet"), ()), (_("After all steps"), STEPS)):
        answers = read([prepare(image, steps) for image, _label in mine], run)
        said[title] = ["–" if answer.label is None else names[answer.label] for answer in answers]
        right[title] = sum(
            answer.label == label for answer, (_image, label) in zip(answers, mine, strict=True)
        )
    layout.tiles({title: f"{n} / {len(mine)}" for title, n in right.items()})
    rows = [
        {_("drawing"): i + 1, _("really"): names[label]}
        | {title: labels[i] for title, labels in said.items()}
        for i, (_image, label) in enumerate(mine)
    ]
    images = np.stack([prepare(image).image for image, _label in mine])
    numbers = [str(i + 1) for i in range(len(mine))]
    st.image(
        pictures.grid(images, 10, 56, numbers, negative=current.data.definition.negative),
        alt=plural("{n} kept drawing", "{n} kept drawings", len(mine)).format(n=len(mine)),
    )
    st.dataframe(pd.DataFrame(rows), hide_index=True, height="content")
    st.caption(
        _("Read by {network}. The drawings are kept until this page is closed.").format(
            network=networks.name(run)
        )
    )
    st.button(_("Forget them"), on_click=st.session_state.kept.clear)


# The data set whose drawings and networks the figures of this page are of.
MEASURED = "mnist"

# Of the drawing model, by `python -m tests.measure_unsure`.
UNSURE_SHARES = {
    _("MNIST test images (1,000)"): 0.049,
    _("drawings by 53 people (537)"): 0.037,
    _("letters of notMNIST (1,000)"): 0.923,
    _("clothes of Fashion-MNIST (1,000)"): 0.818,
    _("scribbles (300)"): 0.727,
}


def thresholds() -> None:
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
            _("pictures"): UNSURE_SHARES.keys(),
            _("unsure"): [f"{share:.1%}" for share in UNSURE_SHARES.values()],
        }
        st.dataframe(pd.DataFrame(shares), hide_index=True)
        st.markdown(
            _(
                "Some shoes and letters look like digits, and some digits like nothing known: no "
                "threshold tells all of them apart. They were chosen with pictures like these."
            )
        )


current = layout.begin(
    _("Does a network that passed its test also read what you draw? See why, and try to break it.")
)
runs = networks.pick(current)
if not runs:
    st.info(
        _("No network for {title} is trained yet. Train one, and the canvas appears here.").format(
            title=current.data.definition.title
        ),
        icon=":material/hourglass_empty:",
    )
offer_training()
if runs:
    desk(runs)
    thresholds()
    layout.next_step()
