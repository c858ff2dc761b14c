"""scikit-learn's support vector machine on pixels, for comparison with `modiste train` on small data sets.

    python small_sets_sklearn.py FOLDER|FILE.npz [SIZE]

FOLDER has train/CLASS and val/CLASS, or a folder a class: then ten splits of 85 % and 15 % of each class are
drawn, and the mean and the range of their accuracies printed. Pictures are shrunk into SIZE x SIZE (64) by areas
and padded with the median of their border. FILE.npz is Keras' (x_train, y_train, x_test, y_test). C is chosen from 1, 10
and 100 by five-fold cross-validation on the training pictures; it is 10 from 2,000 pictures on. Needs scikit-learn, Pillow, numpy.
"""

import pathlib
import sys
import time

import numpy as np
from PIL import Image
from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


def fit(path, n):
    image = Image.open(path).convert("RGB")
    scale = n / max(image.size)
    w, h = (max(1, round(side * scale)) for side in image.size)
    a = np.asarray(image.resize((w, h), Image.Resampling.BOX))
    border = np.concatenate([a[0], a[-1], a[:, 0], a[:, -1]])
    ground = Image.new("RGB", (n, n), tuple(np.median(border, 0).astype(int).tolist()))
    ground.paste(Image.fromarray(a), ((n - w) // 2, (n - h) // 2))
    return np.asarray(ground, np.float32).ravel() / 255


def load(folder, n):
    classes = sorted(p.name for p in folder.iterdir() if p.is_dir())
    files = [(p, i) for i, c in enumerate(classes) for p in sorted((folder / c).iterdir())]
    return np.stack([fit(p, n) for p, _ in files]), np.array([i for _, i in files])


def accuracy(x, y, vx, vy):
    machine = make_pipeline(StandardScaler(with_std=False), SVC())
    search = GridSearchCV(machine, {"svc__C": [1, 10, 100] if len(x) < 2_000 else [10]}, cv=5 if len(x) < 2_000 else 2)
    return (search.fit(x, y).predict(vx) == vy).mean()


def main():
    source = pathlib.Path(sys.argv[1])
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 64
    start = time.process_time()
    if source.suffix == ".npz":
        data = np.load(source)
        x, vx = (data[k].reshape(len(data[k]), -1).astype(np.float32) / 255 for k in ("x_train", "x_test"))
        accuracies = [accuracy(x, data["y_train"], vx, data["y_test"])]
    elif (source / "train").is_dir():
        accuracies = [accuracy(*load(source / "train", n), *load(source / "val", n))]
    else:
        x, y = load(source, n)
        splits = StratifiedShuffleSplit(10, test_size=0.15, random_state=0).split(x, y)
        accuracies = [accuracy(x[a], y[a], x[b], y[b]) for a, b in splits]
    seconds = time.process_time() - start
    print(f"accuracy {np.mean(accuracies):.4f} ({min(accuracies):.4f} to {max(accuracies):.4f}), {seconds:.0f} s of CPU time")


main()
