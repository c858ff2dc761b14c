"""Tests of the estimator with scikit-learn's own checks and tools."""
import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from modiste import Classifier

# Checks of scikit-learn that do not apply to images, with the reason.
EXPECTED = {}


@pytest.fixture(scope="module")
def digits():
    images, labels = load_digits(return_X_y=True)
    return images[:600].reshape(-1, 8, 8), labels[:600]


def small(**settings):
    network = {"channels": 8, "stages": 2, "dropout": 0, "flip": False, "batch": 16, "lr": 0.02}
    return Classifier(preset="cnn", **{"epochs": 6, "threads": 1, "settings": network, **settings})


@pytest.mark.parametrize(("estimator", "check"), list(estimator_checks_generator(Classifier(threads=1))),
                         ids=lambda thing: getattr(getattr(thing, "func", thing), "__name__", "Classifier"))
def test_check_estimator(estimator, check):
    name = check.func.__name__
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name in EXPECTED:
            with pytest.raises(Exception):
                check(estimator)
        else:
            check(estimator)


def test_images_and_rows_train_the_same_model(digits):
    images, labels = digits
    classifier = small().fit(images, labels)
    probabilities = classifier.predict_proba(images)
    assert classifier.score(images, labels) > 0.9
    assert probabilities.shape == (600, 10) and np.allclose(probabilities.sum(axis=1), 1)
    assert (classifier.image_shape_, classifier.n_features_in_, len(classifier.history_)) == ((8, 8), 64, 6)
    rows = small(shape=(8, 8)).fit(images.reshape(600, -1), labels)
    assert np.array_equal(rows.predict_proba(images.reshape(600, -1)), probabilities)
    # Bytes are not scaled.
    bytes_ = np.rint(images / 16 * 255).astype(np.uint8)
    assert np.array_equal(small().fit(bytes_, labels).predict_proba(bytes_), probabilities)
    assert np.array_equal(small(scale=(0, 16)).fit(images, labels).predict_proba(images), probabilities)


def test_labels_may_be_words_and_images_coloured(digits):
    images, labels = digits
    colours = np.repeat(images[..., None], 3, axis=3)
    words = np.array(["even", "odd"])[labels % 2]
    classifier = small().fit(colours, words)
    assert classifier.classes_.tolist() == ["even", "odd"] and set(classifier.predict(colours)) == {"even", "odd"}
    assert classifier.score(colours, words) > 0.8 and classifier.image_shape_ == (8, 8, 3)
    assert classifier.model_.shape == (8, 8, 3)


def test_classifiers_can_be_pickled_and_cloned(digits):
    images, labels = digits
    classifier = small(seed=3).fit(images, labels)
    copy = pickle.loads(pickle.dumps(classifier))
    assert np.array_equal(copy.predict_proba(images), classifier.predict_proba(images))
    fresh = clone(classifier)
    with pytest.raises(NotFittedError):
        fresh.predict(images)
    # The same seed gives the same model.
    assert fresh.fit(images, labels).model_.checksum == classifier.model_.checksum
    assert small(seed=4).fit(images, labels).model_.checksum != classifier.model_.checksum


def test_cross_validation_pipelines_and_grids(digits):
    images, labels = digits
    rows = images.reshape(600, -1)
    scores = cross_val_score(small(), images, labels, cv=3)
    assert scores.shape == (3,) and scores.min() > 0.7
    turned = FunctionTransformer(lambda images: images[:, ::-1])
    assert make_pipeline(turned, small()).fit(images, labels).score(images, labels) > 0.8
    assert make_pipeline(StandardScaler(), Classifier(threads=2)).fit(rows, labels).score(rows, labels) > 0.9
    grid = GridSearchCV(small(shape=(8, 8)), {"epochs": [1, 6], "seed": [0, 1]}, cv=2, n_jobs=2)
    grid.fit(rows, labels)
    assert grid.best_params_["epochs"] == 6 and grid.best_score_ > 0.6
    assert grid.best_estimator_.model_.shape == (8, 8, 1)


def test_wrong_arguments_are_refused(digits):
    images, labels = digits
    for keywords, text in [({"shape": (8, 9)}, r"shape: \(8, 9\) is not the shape of an image of 64 values"),
                           ({"scale": (3, 3)}, "scale: 3 is not below 3"),
                           ({"validation": 1.0}, "validation: 1.0 is not from 0 to below 1")]:
        with pytest.raises(ValueError, match=text):
            small(**keywords).fit(images.reshape(600, -1), labels)
    with pytest.raises(ValueError, match="one class; at least two"):
        small().fit(images, np.zeros(600))
    with pytest.raises(TypeError, match="no such field; the nearest is channels"):
        Classifier(preset="cnn", epochs=1, settings={"chanels": 3}).fit(images, labels)
    with pytest.raises(ValueError, match=r"holds images of shape \(4, 16\); the network was trained on \(8, 8\)"):
        small(validation=0.0).fit(images, labels).predict(images.reshape(-1, 4, 16))
