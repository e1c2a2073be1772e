"""InfoNCE against sentence-transformers' MultipleNegativesRankingLoss on given embeddings."""

import pytest
import torch
import torch.nn.functional as F
from dense_info_nce import assert_same, vectors

from jointspace.objectives import info_nce, info_nce_two_way

pytestmark = pytest.mark.slow  # their import alone takes seconds


def cosine(x):
    """They normalise inside, we do not."""
    return F.normalize(x, dim=-1)


@pytest.fixture(scope="module")
def losses():
    return pytest.importorskip("sentence_transformers.losses")


@pytest.mark.parametrize("n_negatives", [0, 2])
def test_multiple_negatives_ranking(losses, n_negatives):
    q, k = (vectors(9, 6, seed=s, dtype=torch.float32) for s in (0, 1))
    h = vectors(9, n_negatives, 6, seed=2, dtype=torch.float32) if n_negatives else None
    columns = [] if h is None else list(h.unbind(1))
    want = losses.MultipleNegativesRankingLoss(None, scale=20.0).compute_loss_from_embeddings([q, k, *columns], None)
    ours = info_nce(cosine(q), cosine(k), temperature=1 / 20, negatives=None if h is None else cosine(h))
    assert_same(ours, want, [q, k] + ([] if h is None else [h]), rel=1e-5)


def test_both_directions(losses):
    q, k = (vectors(9, 6, seed=s, dtype=torch.float32) for s in (0, 1))
    theirs = losses.MultipleNegativesSymmetricRankingLoss(None, scale=20.0)
    want = theirs.compute_loss_from_embeddings([q, k], None)
    forward, back = info_nce_two_way(cosine(q), cosine(k), temperature=1 / 20)
    assert_same((forward + back) / 2, want, [q, k], rel=1e-5)
