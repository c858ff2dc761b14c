"""Writes run.tfevents, resumed.tfevents and dot.png with the real tensorboard package.

    python make_events.py        # made with tensorboard 2.21.0, protobuf 7.36.2, pillow 13.0.0

`tests/tensorboard.rs` writes the same events and compares the bytes. The HParams messages are put
together as tensorboard/plugins/hparams/summary.py does (that module itself asks for TensorFlow),
their maps in sorted order.
"""

from io import BytesIO
from pathlib import Path

from PIL import Image
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

FOLDER = Path(__file__).parent


def hparams(tag, **data):
    content = plugin_data_pb2.HParamsPluginData(version=metadata.PLUGIN_DATA_VERSION, **data)
    plugin_data = summary_pb2.SummaryMetadata.PluginData(
        plugin_name=metadata.PLUGIN_NAME, content=content.SerializeToString(deterministic=True)
    )
    value = summary_pb2.Summary.Value(
        tag=tag,
        metadata=summary_pb2.SummaryMetadata(plugin_data=plugin_data),
        tensor=metadata.NULL_TENSOR,
    )
    return summary_pb2.Summary(value=[value])


def scalars(**values):
    value = [
        summary_pb2.Summary.Value(tag=tag.replace("_", "/"), simple_value=v)
        for tag, v in values.items()
    ]
    return summary_pb2.Summary(value=value)


def experiment():
    types = {"width": api_pb2.DATA_TYPE_FLOAT64, "preset": api_pb2.DATA_TYPE_STRING}
    types["residual"] = api_pb2.DATA_TYPE_BOOL
    infos = [api_pb2.HParamInfo(name=name, type=kind) for name, kind in types.items()]
    metric = api_pb2.MetricInfo(name=api_pb2.MetricName(tag="validation/accuracy"))
    return api_pb2.Experiment(
        time_created_secs=1.5, hparam_infos=infos, metric_infos=[metric]
    )


def session_start():
    start = plugin_data_pb2.SessionStartInfo(start_time_secs=1.5)
    start.hparams["width"].number_value = 5
    start.hparams["preset"].string_value = "paper"
    start.hparams["residual"].bool_value = False
    return start


def image(png):
    picture = summary_pb2.Summary.Image(
        height=2, width=3, colorspace=3, encoded_image_string=png
    )
    value = summary_pb2.Summary.Value(tag="confusion", image=picture)
    return summary_pb2.Summary(value=[value])


def write(name, events):
    with open(FOLDER / name, "wb") as file:
        writer = RecordWriter(file)
        for event in events:
            writer.write(event.SerializeToString(deterministic=True))


def main():
    buffer = BytesIO()
    Image.new("RGB", (3, 2), (200, 30, 90)).save(buffer, "PNG")
    png = buffer.getvalue()
    (FOLDER / "dot.png").write_bytes(png)
    event = event_pb2.Event
    version = "brain.Event:2"
    start, end = session_start(), plugin_data_pb2.SessionEndInfo(status=1, end_time_secs=9.75)
    write("run.tfevents", [
        event(wall_time=1.5, file_version=version),
        event(wall_time=1.5, summary=hparams(metadata.EXPERIMENT_TAG, experiment=experiment())),
        event(
            wall_time=1.5,
            summary=hparams(metadata.SESSION_START_INFO_TAG, session_start_info=start),
        ),
        event(wall_time=2.25, step=1, summary=scalars(train_loss=0.75, validation_accuracy=0.5)),
        event(wall_time=3.5, step=300, summary=scalars(train_loss=0.0, validation_accuracy=-1.0)),
        event(wall_time=3.5, step=300, summary=image(png)),
        event(wall_time=9.75, summary=hparams(metadata.SESSION_END_INFO_TAG, session_end_info=end)),
    ])
    log = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
    write("resumed.tfevents", [
        event(wall_time=20.0, file_version=version),
        event(wall_time=20.0, step=300, session_log=log),
        event(wall_time=21.0, step=300, summary=scalars(train_loss=0.125)),
    ])


if __name__ == "__main__":
    main()
