"""Makes label_errors.json: probabilities, labels, and what cleanlab says of them.

Needs the packages numpy and cleanlab (2.9 made the file): python make.py

cleanlab rounds and ranks by numpy's argsort, which orders equal values differently from processor to
processor; here it is made stable, so that there is one answer to compare with.
"""

import functools

import json
import pathlib

import numpy as np
from cleanlab.filter import find_label_issues

np.argsort = functools.partial(np.argsort, kind="stable")


def case(name, rng, n, classes, noise, sharpness, sizes=None):
    """n pictures with a share of wrong labels, and what a fair network would say of them."""
    truth = rng.choice(classes, n, p=sizes)
    logits = rng.normal(0, 1, (n, classes))
    logits[np.arange(n), truth] += sharpness * rng.uniform(0.3, 1.7, n)
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = np.where(rng.random(n) < noise, rng.choice(classes, n), truth)
    # Nine digits keep the sum within cleanlab's and our tolerance, and the file small.
    probabilities = probabilities.round(9)
    issues = find_label_issues(labels, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1)
    return {
        "name": name,
        "classes": classes,
        "labels": labels.tolist(),
        "probabilities": probabilities.ravel().tolist(),
        "issues": issues.tolist(),
    }


def main():
    rng = np.random.default_rng(7)
    cases = [
        case("ten classes", rng, 500, 10, 0.1, 4.0),
        case("two classes", rng, 200, 2, 0.2, 2.0),
        case("many classes, few pictures", rng, 120, 12, 0.3, 1.5),
        case("unequal classes", rng, 300, 4, 0.15, 3.0, [0.9, 0.06, 0.03, 0.01]),
        case("a network that knows nothing", rng, 150, 3, 0.5, 0.0),
        case("no errors", rng, 100, 5, 0.0, 9.0),
        case("more classes than a vector has lanes", rng, 600, 24, 0.2, 3.0),
    ]
    # A class that nobody has, and one that a single picture has.
    absent = case("a class without pictures", rng, 120, 3, 0.2, 2.5)
    wide = np.array(absent["probabilities"]).reshape(-1, 3)
    wide = np.hstack([wide * 0.75, np.full((len(wide), 1), 0.25)]).round(9)
    labels = np.array(absent["labels"])
    absent |= {"classes": 4, "probabilities": wide.ravel().tolist()}
    absent["issues"] = find_label_issues(labels, wide, return_indices_ranked_by="self_confidence", n_jobs=1).tolist()
    single = case("a class of one picture", rng, 90, 3, 0.2, 2.5, [0.6, 0.4, 0.0])
    labels = np.array(single["labels"])
    labels[labels == 2] = 0
    labels[5] = 2
    probabilities = np.array(single["probabilities"]).reshape(-1, 3)
    issues = find_label_issues(labels, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1)
    single |= {"labels": labels.tolist(), "issues": issues.tolist()}
    text = json.dumps(cases + [absent, single], separators=(",", ":"))
    pathlib.Path(__file__).with_name("label_errors.json").write_text(text.replace("},{", "},\n{") + "\n")


main()
