"""Measures on latents, against what is known by mathematics."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from fullcircle.evaluation import latents as module
from fullcircle.evaluation.latents import (
    Yardstick,
    active_latents,
    continuity,
    flat_map,
    grid_plane,
    in_blocks,
    kl_nats,
    kl_share,
    morph_latents,
    nearest,
    principal_plane,
    prior_latents,
    relative,
    vote,
)


def words(n):
    return np.array([str(i) for i in range(n)], object)


def test_no_latent_is_active_after_a_collapse(rng):
    assert not active_latents(np.zeros((50, 4), np.float32), True).any()
    assert not active_latents(np.ones((50, 4), np.float32), False).any()
    assert not active_latents(0.05 * rng.standard_normal((500, 4)), True).any()  # variance .0025


def test_a_latent_is_active_by_the_prior_or_by_the_others(rng):
    latents = rng.standard_normal((500, 3)) * [1, 0.5, 0.05]
    assert active_latents(latents, True).tolist() == [True, True, False]
    assert active_latents(100 * latents, False).tolist() == [True, True, False]  # plain latents have no scale
    assert active_latents(100 * latents, True).all()


def test_kl_is_that_of_two_normal_distributions():
    assert kl_nats(np.zeros((1, 2)), np.zeros((1, 2))).tolist() == [[0, 0]]
    assert kl_nats(np.full((1, 1), 3.0), np.zeros((1, 1)))[0, 0] == 4.5  # m^2 / 2
    assert kl_nats(np.zeros((1, 1)), np.full((1, 1), np.log(4.0)))[0, 0] == pytest.approx((4 - 1 - np.log(4)) / 2)


def test_the_share_of_kl_is_that_of_the_best_epoch():
    history = [
        {"val_loss": 10.0, "val_reconstruction": 10.0},
        {"val_loss": 8.0, "val_reconstruction": 6.0},
        {"val_loss": 9.0, "val_reconstruction": 1.0},
    ]
    assert kl_share(history) == 0.25
    assert kl_share([{"val_loss": 1.0}]) is None


@pytest.mark.parametrize("rows", [7, 100])
def test_the_nearest_are_those_of_scikit_learn(rng, rows):
    train, queries = rng.standard_normal((100, 5)).astype(np.float32), rng.standard_normal((70, 5)).astype(np.float32)
    distances, found = nearest(queries, in_blocks(train, words(100), rows), 3)
    theirs, rows_there = NearestNeighbors(n_neighbors=3, algorithm="brute").fit(train).kneighbors(queries)
    assert np.array_equal(found, rows_there)
    assert distances == pytest.approx(theirs / np.sqrt(5), rel=1e-5)


def test_a_copy_is_at_no_distance_and_oneself_does_not_count(rng):
    pictures = rng.random((30, 400), np.float32) + 50  # large squares, small differences
    distances, rows = nearest(pictures, in_blocks(pictures, words(30), 8))
    assert distances.max() == 0
    assert rows[:, 0].tolist() == list(range(30))
    distances, rows = nearest(pictures, in_blocks(pictures, words(30), 8), own=words(30))
    assert distances.min() > 0
    assert all(row != i for i, row in enumerate(rows[:, 0]))


def test_where_there_are_fewer_than_asked_for_it_is_reported(rng):
    distances, rows = nearest(np.zeros((2, 3), np.float32), in_blocks(np.ones((2, 3), np.float32), words(2)), 4, own=words(2))
    assert np.isinf(distances[:, 1:]).all()
    assert rows.tolist() == [[1, -1, -1, -1], [0, -1, -1, -1]]
    assert vote(words(2), rows).tolist() == ["1", "0"]
    assert vote(words(2), np.full((1, 2), -1)).tolist() == [""]


def test_neighbours_of_separable_latents_are_always_right(rng):
    labels = np.array(["a", "b", "c"], object)[np.arange(90) % 3]
    latents = (np.arange(90) % 3 * 10)[:, None] + rng.random((90, 2))
    _, rows = nearest(latents.astype(np.float32), in_blocks(latents.astype(np.float32), words(90)), 5, own=words(90))
    assert (vote(labels, rows) == labels).all()


def test_of_equally_many_the_nearest_has_the_word():
    assert vote(np.array(["a", "b", "b", "a", "c"], object), np.array([[0, 1, 2, 3, 4], [2, 1, 0, 3, 4]])).tolist() == [
        "a",
        "b",
    ]


def test_the_yardstick_calls_copies_copied_and_blur_no_picture(rng):
    train, test, fresh = ((rng.random((n, 64)) > 0.5).astype(np.float32) for n in (200, 100, 100))
    mean = train.mean(axis=0)

    def distance(pictures):
        return nearest(pictures, in_blocks(train, words(200)))[0][:, 0]

    def verdicts(pictures):
        return yardstick.verdicts(relative(distance(pictures), pictures, mean))

    yardstick = Yardstick(relative(distance(test), test, mean))
    assert verdicts(train[:9]) == ["copied"] * 9
    assert verdicts(0.9 * train[:9] + 0.1 * mean) == ["copied"] * 9
    assert verdicts(fresh).count("new") > 80
    blur = fresh.reshape(50, 2, 64).mean(axis=1)
    assert np.median(distance(blur)) < np.quantile(distance(test), 0.05)  # nearer than nearly all test pictures
    assert verdicts(blur).count("far") > 40  # and yet no picture
    assert verdicts(mean[None]) == ["far"]
    assert np.isinf(relative(distance(mean[None]), mean[None], mean))


def test_the_grid_is_that_of_the_write_ups():
    closed, half_open = grid_plane(-8, 8, True, 10), grid_plane(-5, 5, False, 10)
    assert closed.latents.shape == (10, 10, 2)
    assert closed.latents[0, 0].tolist() == [-8, -8]
    assert closed.latents[-1, -1].tolist() == [8, 8]
    assert closed.latents[0, 1, 0] > closed.latents[0, 0, 0]  # to the right
    assert half_open.latents[-1, -1].tolist() == [4, 4]
    assert half_open.steps == (1, 1)
    assert "[-5, 5)" in half_open.meaning


def test_the_principal_plane_lies_in_the_latents(rng):
    directions = np.linalg.qr(rng.standard_normal((6, 2)))[0].T
    latents = rng.standard_normal((400, 2)) * [3, 1] @ directions + 7
    plane = principal_plane(latents, 5)
    off = plane.latents.reshape(-1, 6) - latents.mean(axis=0)
    assert off @ directions.T @ directions == pytest.approx(off, abs=1e-4)
    assert "100% of their variance" in plane.meaning
    first = np.linalg.norm(plane.latents[0, -1] - plane.latents[0, 0])
    assert first == pytest.approx(2 * module.SPREAD * (latents @ directions[0]).std(ddof=1), rel=0.1)
    assert plane.steps[0] == pytest.approx(first / 4, rel=1e-4)
    assert principal_plane(latents[:, :1], 3).latents.shape == (3, 3, 1)  # a single latent has a line


def test_continuity_is_the_change_of_neighbours():
    ramp = np.broadcast_to(np.arange(4) / 10, (3, 4)).reshape(3, 4, 1, 1) * np.ones((1, 1, 2, 2))
    figures = continuity(ramp, (0.5, 0.5))
    assert figures["largest_change"] == pytest.approx(0.1)
    assert figures["change_per_step"] == pytest.approx(0.1 * 9 / 17)  # 9 neighbours along the ramp, 8 across it
    assert figures["change_per_unit"] == pytest.approx(0.2 * 9 / 17)


def test_random_latents_are_of_the_prior_or_of_the_latents(rng):
    latents = rng.standard_normal((2000, 2)) @ [[3.0, 2.0], [0.0, 0.1]] + 5
    fitted = prior_latents(4000, latents, False, rng)
    assert np.cov(fitted, rowvar=False) == pytest.approx(np.cov(latents, rowvar=False), rel=0.15)
    assert fitted.mean(axis=0) == pytest.approx(latents.mean(axis=0), abs=0.3)
    standard = prior_latents(4000, latents, True, rng)
    assert np.cov(standard, rowvar=False) == pytest.approx(np.eye(2), abs=0.1)
    assert prior_latents(3, latents[:1], False, rng) == pytest.approx(np.repeat(latents[:1], 3, axis=0))


def test_two_latents_are_mapped_as_they_are_and_more_keep_their_groups(rng):
    latents = rng.standard_normal((40, 2)).astype(np.float32)
    assert flat_map(latents, 1)[0] is latents
    group = np.arange(40) % 2
    many = (20 * group)[:, None] + rng.standard_normal((40, 6))
    placed, how = flat_map(many.astype(np.float32), 1)
    assert "t-SNE, perplexity 13" in how
    _, rows = nearest(placed.astype(np.float32), in_blocks(placed.astype(np.float32), words(40)), 3, own=words(40))
    assert (vote(group.astype(str).astype(object), rows).astype(int) == group).all()
    assert flat_map(np.zeros((3, 6), np.float32), 1)[0].shape == (3, 2)


def test_a_morph_goes_there_and_back_on_a_straight_line():
    way = morph_latents(np.zeros(3), np.array([1.0, 2.0, 3.0]), 90)
    assert way.shape == (180, 3)
    assert np.array_equal(way, way[::-1])
    assert way[89].tolist() == [1, 2, 3]
    assert np.diff(way[:90], axis=0) == pytest.approx(np.tile([1, 2, 3], (89, 1)) / 89, abs=1e-6)
