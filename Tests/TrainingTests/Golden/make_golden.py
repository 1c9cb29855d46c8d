"""Writes events.json: a TensorBoard event file as the tensorboard package writes it.

Usage: python3 make_golden.py   (needs tensorboard)
"""

import io
import json
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

STEPS = [(1, [("loss", 2.5), ("lr", 0.03)]), (300, [("loss", 1.25)]), (70000, [("knn_top1", 0.5)])]


class Buffer(io.BytesIO):
    def flush(self):
        pass


def main():
    buffer = Buffer()
    writer = RecordWriter(buffer)
    ends = []
    events = [Event(wall_time=1000.5, file_version="brain.Event:2")]
    for step, values in STEPS:
        summary = Summary(value=[Summary.Value(tag=name, simple_value=value) for name, value in values])
        events.append(Event(wall_time=1000.5, step=step, summary=summary))
    for event in events:
        writer.write(event.SerializeToString())
        ends.append(buffer.tell())
    golden = {
        "wall_time": 1000.5,
        "steps": [{"step": s, "values": [{"name": n, "value": v} for n, v in values]} for s, values in STEPS],
        "ends": ends,
        "hex": buffer.getvalue().hex(),
    }
    (Path(__file__).parent / "events.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
