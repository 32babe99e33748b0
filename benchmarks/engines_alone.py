"""The engines of the daemon in a process without any code of emoedge, to see what memory they need.

    python -m benchmarks.engines_alone CLIP OUTPUT MODEL…

The clip is decoded, its frames are shrunk, every network is run on zeros, and picture and sound are encoded
with the recorder's options, unless OUTPUT is "-". Then a line is printed, and the process waits for a line.
"""

from __future__ import annotations

import sys
from typing import Any, Final

import av
import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

SIZE: Final = (160, 120)


def main() -> None:
    """Use every engine, then wait."""
    clip, output, *models = sys.argv[1:]
    interpreters = [Interpreter(model_path=model, num_threads=1) for model in models]
    for interpreter in interpreters:
        interpreter.allocate_tensors()
        for entry in interpreter.get_input_details():
            interpreter.set_tensor(entry["index"], np.zeros(entry["shape"], entry["dtype"]))
        interpreter.invoke()
    container: Any = None if output == "-" else av.open(output, "w", format="mp4")
    video: Any = None
    audio: Any = None
    if container is not None:
        options = {"preset": "superfast", "crf": "23", "threads": "1", "g": "30", "bf": "0"}
        video = container.add_stream("libx264", rate=15, options=options)
        video.width, video.height, video.pix_fmt = 640, 480, "yuv420p"
        audio = container.add_stream("aac", rate=16_000, layout="mono")
    resampler = av.AudioResampler("fltp", "mono", 16_000, frame_size=1024)
    with av.open(clip) as source:
        for packet in source.demux():
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    picture = frame.to_ndarray(format="yuv420p")
                    cv2.resize(picture[: frame.height], SIZE, interpolation=cv2.INTER_AREA)
                    cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420)
                    if container is not None:
                        container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="yuv420p")))
                else:
                    for part in resampler.resample(frame):
                        if container is not None:
                            part.pts = None
                            container.mux(audio.encode(part))
    print("ready", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main()
