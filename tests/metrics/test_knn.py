"""k-NN: parity with scikit-learn, leave one out, shared ties, chance for vectors that say nothing."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from jointspace.metrics.knn import knn_accuracy, knn_right, knn_votes, share_right
from jointspace.metrics.neighbours import top_k


def blobs(n, seed=0, d=8, classes=4, spread=1.0):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, classes, n)
    centre = np.random.default_rng(99).normal(size=(classes, d))
    return (centre[label] + spread * rng.normal(size=(n, d))).astype(np.float32), label


@pytest.mark.parametrize("scorer", ["dot", "cosine", "euclidean"])
@pytest.mark.parametrize("block_bytes", [1, 48 << 20])
def test_nearest_as_by_sorting(scorer, block_bytes):
    q, _ = blobs(20, 1)
    c, _ = blobs(300, 2)
    if scorer == "euclidean":
        want = -np.square(q[:, None] - c[None]).sum(-1) / 2
    else:
        u, v = (x / np.linalg.norm(x, axis=1, keepdims=True) if scorer == "cosine" else x for x in (q, c))
        want = u @ v.T
    score, index = top_k(q, c, 7, scorer=scorer, block_bytes=block_bytes)
    assert (index == np.argsort(-want, axis=1)[:, :7]).all()
    np.testing.assert_allclose(score, -np.sort(-want, axis=1)[:, :7], rtol=1e-4, atol=1e-5)


def test_an_item_does_not_find_itself():
    x, _ = blobs(50)
    score, index = top_k(x, x, 60, exclude_self=True)
    assert index.shape == (50, 49) and not (index == np.arange(50)[:, None]).any()
    assert top_k(x, x, 1)[1][:, 0].tolist() == list(range(50))


@pytest.mark.parametrize("k", [1, 5, 20])
@pytest.mark.parametrize("scorer", ["cosine", "euclidean"])
def test_votes_equal_scikit_learn(k, scorer):
    train, label = blobs(200)
    test, _ = blobs(60, 1)
    peer = KNeighborsClassifier(k, metric=scorer).fit(train, label)
    votes, classes = knn_votes(train, label, test, k=k, scorer=scorer)
    assert classes.tolist() == peer.classes_.tolist()
    np.testing.assert_allclose(votes, peer.predict_proba(test), atol=1e-12)


def test_leave_one_out_is_training_without_the_item():
    x, label = blobs(40)
    alone, _ = knn_votes(x, label, k=5, temperature=0.1)
    for i in (0, 17, 39):
        rest = np.arange(40) != i
        np.testing.assert_allclose(
            alone[i], knn_votes(x[rest], label[rest], x[i : i + 1], k=5, temperature=0.1)[0][0], rtol=1e-5
        )


def test_temperature_weighs_by_score():
    train = np.array([[1, 0], [0, 1], [1, 1]], dtype=np.float64)
    votes, _ = knn_votes(train, [0, 1, 0], np.array([[1.0, 0]]), k=3, temperature=0.5)
    weight = np.exp(np.array([1, 0, np.sqrt(0.5)]) / 0.5)
    np.testing.assert_allclose(votes[0], np.array([weight[0] + weight[2], weight[1]]) / weight.sum())


@pytest.mark.parametrize("scorer", ["cosine", "dot", "euclidean"])
@pytest.mark.parametrize("block_bytes", [1, 48 << 20])
def test_equal_vectors_vote_by_class_frequency(scorer, block_bytes):
    label = np.repeat([0, 1, 2], [50, 30, 20])
    x = np.repeat(np.random.default_rng(0).normal(size=(1, 32)).astype(np.float32), 100, axis=0)
    votes, _ = knn_votes(x, label, x[:3], k=7, scorer=scorer, block_bytes=block_bytes)
    np.testing.assert_allclose(votes, [[0.5, 0.3, 0.2]] * 3, atol=1e-9)
    assert knn_accuracy(x, label, x, label, k=7, scorer=scorer) == 0.5
    balanced = np.repeat([0, 1], 50)
    assert knn_accuracy(x, balanced, x, balanced, k=7) == 0.5


def test_ties_between_classes_are_shared():
    votes = np.array([[0.5, 0.5, 0], [0.2, 0.2, 0.6], [1 / 3] * 3])
    assert share_right(votes, np.array([0, 2, 1])).tolist() == [0.5, 1, pytest.approx(1 / 3)]
    assert share_right(votes, np.array([2, -1, -1])).tolist() == [0, 0, 0]


def test_labels_may_be_names_and_unseen_ones_are_wrong():
    train, label = blobs(60)
    names = np.array(["cat", "dog", "emu", "fox"])
    right = knn_right(train, names[label], train[:3], np.array([names[label[0]], "yak", names[label[2]]]), k=1)
    assert right.tolist() == [1, 0, 1]
    assert knn_accuracy(train, label, k=1) == knn_accuracy(train, names[label], k=1)


def test_wrong_sizes_are_named():
    with pytest.raises(ValueError, match="3 vectors but 2 labels"):
        knn_votes(np.eye(3), [0, 1])
    with pytest.raises(ValueError, match="k must be at least 1"):
        top_k(np.eye(3), np.eye(3), 0)
