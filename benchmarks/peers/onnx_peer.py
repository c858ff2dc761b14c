"""The ONNX Runtime peer of run.py: inference with the file that export_onnx.py wrote."""
import numpy as np
import onnxruntime

import protocol


def main():
    settings = protocol.settings("onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(settings.onnx, options, providers=providers)
    batches = [
        pixels[:, None].astype(np.float32) / np.float32(255)
        for pixels, _ in protocol.batches(settings)
    ]

    def step(number):
        (logits,) = session.run(None, {"images": batches[number % len(batches)]})
        return lambda: logits[0].tolist()

    about = f"onnxruntime {onnxruntime.__version__} {settings.threads} threads"
    # A session does not count parameters, and folding has changed them.
    protocol.serve(about, None, settings.batch, step)


if __name__ == "__main__":
    main()
