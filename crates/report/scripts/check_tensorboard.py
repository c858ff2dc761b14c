"""Checks the TensorBoard events of a run with the tensorboard package.

    python check_tensorboard.py RUN [--scalar TAG]... [--unfinished]

Checks, with the classes that TensorBoard itself reads with: every scalar has finite values and no
step twice; there is an image, a PNG file of the size that is declared; the HParams table lists the
run as one session with its hyperparameters, a value for each of its metrics, and its end (unless
--unfinished). Every TAG must be among the scalars. Prints what was found; the exit status is 1 if
anything is missing. Needs tensorboard and pillow.
"""

import argparse
import logging
import math
import sys
from io import BytesIO

from PIL import Image
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.data import provider
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups, metadata


def check_scalars(events, expected, problems):
    tags = events.Tags()["scalars"]
    if not tags:
        problems.append("no scalars")
    for tag in expected:
        if tag not in tags:
            problems.append(f"scalar {tag}: missing")
    for tag in tags:
        points = events.Scalars(tag)
        if not points:
            problems.append(f"scalar {tag}: no points")
            continue
        steps = [point.step for point in points]
        last = f"last {points[-1].value:.6g} at step {steps[-1]}"
        print(f"scalar {tag}: {len(points)} points, {last}")
        if any(not math.isfinite(point.value) for point in points):
            problems.append(f"scalar {tag}: a value is not finite")
        if any(a >= b for a, b in zip(steps, steps[1:])):
            problems.append(f"scalar {tag}: steps do not rise: {steps}")


def check_images(events, problems):
    tags = events.Tags()["images"]
    if not tags:
        problems.append("no images")
    for tag in tags:
        images = events.Images(tag)
        if not images:
            problems.append(f"image {tag}: no images")
            continue
        steps = [image.step for image in images]
        for image in images:
            picture = Image.open(BytesIO(image.encoded_image_string))
            picture.load()
            if picture.format != "PNG" or picture.size != (image.width, image.height):
                problems.append(f"image {tag}: {picture.format} {picture.size} is not as declared")
        print(f"image {tag}: {len(images)} images of {picture.size}, last step {steps[-1]}")
        if any(a >= b for a, b in zip(steps, steps[1:])):
            problems.append(f"image {tag}: steps do not rise: {steps}")


def read_hparams(run):
    """The experiment and the session groups, read like TensorBoard's HParams page."""
    multiplexer = EventMultiplexer()
    multiplexer.AddRunsFromDirectory(run)
    multiplexer.Reload()
    base = base_plugin.TBContext(data_provider=MultiplexerDataProvider(multiplexer, run))
    context, request = backend_context.Context(base), RequestContext()
    content = context.hparams_metadata(request, "")
    if not any(metadata.EXPERIMENT_TAG in tags for tags in content.values()):
        return None, []
    none = provider.ListHyperparametersResult(hyperparameters=[], session_groups=[])
    experiment = context.experiment_from_metadata(request, "", True, content, none)
    asked = api_pb2.ListSessionGroupsRequest(
        start_index=0, slice_size=10, allowed_statuses=api_pb2.Status.values()
    )
    answer = list_session_groups.Handler(request, context, "", asked).run()
    return experiment, answer.session_groups


def check_hparams(run, finished, problems):
    experiment, groups = read_hparams(run)
    if experiment is None:
        problems.append("hparams: no experiment")
        return
    if len(groups) != 1 or len(groups[0].sessions) != 1:
        problems.append(f"hparams: {len(groups)} session groups instead of 1")
        return
    session, hparams = groups[0].sessions[0], groups[0].hparams
    declared = {info.name for info in experiment.hparam_infos}
    print(f"hparams: {', '.join(sorted(hparams))}")
    if not declared:
        problems.append("hparams: no hyperparameters")
    for name in sorted(declared ^ set(hparams)):
        problems.append(f"hparams: {name} is not both declared and given")
    given = {value.name.tag: value for value in session.metric_values}
    for info in experiment.metric_infos:
        if info.name.tag not in given:
            problems.append(f"hparams: metric {info.name.tag} has no value")
    for tag, value in given.items():
        print(f"hparams metric {tag}: {value.value:.6g} at step {value.training_step}")
    print(f"hparams status: {api_pb2.Status.Name(session.status)}")
    ended = session.status in (api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE)
    if finished and not ended:
        problems.append("hparams: the run has no end")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run")
    parser.add_argument("--scalar", action="append", default=[], metavar="TAG")
    parser.add_argument("--unfinished", action="store_true")
    arguments = parser.parse_args()
    # TensorBoard warns about the purged steps of a resumed run, which are intended.
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    events = EventAccumulator(arguments.run, size_guidance={"scalars": 0, "images": 0})
    events.Reload()
    problems = []
    check_scalars(events, arguments.scalar, problems)
    check_images(events, problems)
    check_hparams(arguments.run, not arguments.unfinished, problems)
    for problem in problems:
        print(f"{arguments.run}: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
