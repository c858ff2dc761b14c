"""The peer: FastAPI over ONNX Runtime, in the usual style. fastapi_peer.py MODEL PORT WORKERS

It takes the same bodies as `modiste serve` and answers with the same fields. ONNX Runtime runs in the thread
pool, so that requests do not block each other; all its optimisations are on.
"""
import io
import json
import os
import sys

import numpy as np
import onnxruntime as ort
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from PIL import Image

app = FastAPI()
options = ort.SessionOptions()
options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
options.intra_op_num_threads = int(os.environ.get("PEER_THREADS", "0"))
session = ort.InferenceSession(os.environ.get("PEER_MODEL", sys.argv[1]), options)
(image,) = session.get_inputs()
classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])


def answer(pixels):
    probabilities = session.run(["probabilities"], {image.name: pixels})[0]
    predictions = []
    for row in probabilities:
        order = np.argsort(-row, kind="stable")
        ranked = [{"class": classes[i], "probability": float(row[i])} for i in order]
        predictions.append({"class": ranked[0]["class"], "probability": ranked[0]["probability"],
                            "classes": ranked})
    return {"predictions": predictions}


def answer_picture(body):
    with Image.open(io.BytesIO(body)) as picture:
        return answer(np.asarray(picture.convert("L"))[None])


@app.get("/health")
async def health():
    return {"healthy": True}


@app.post("/v1/predict")
async def predict(request: Request):
    try:
        if request.headers["content-type"] == "application/json":
            pixels = np.asarray((await request.json())["images"], np.uint8).reshape(-1, 28, 28)
            return await run_in_threadpool(answer, pixels)
        return await run_in_threadpool(answer_picture, await request.body())
    except (ValueError, OSError, KeyError) as error:
        raise HTTPException(400, str(error)) from None


if __name__ == "__main__":
    os.environ["PEER_MODEL"] = sys.argv[1]
    uvicorn.run("fastapi_peer:app", port=int(sys.argv[2]), workers=int(sys.argv[3]),
                log_level="warning", access_log=False)
