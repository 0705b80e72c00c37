"""Origins: who speaks for a cluster, and which upload was first."""

from __future__ import annotations

import hashlib

from headwater.media import match_media


def origin_of(derived, item_id):
    cluster = next(r["media_cluster_id"] for r in derived["media_clusters"].to_pylist() if r["item_id"] == item_id)
    return next(r for r in derived["media_origins"].to_pylist() if r["media_cluster_id"] == cluster)


def test_the_earliest_upload_of_any_item_of_the_cluster(case, pdq):
    first = case.media("a", pdq.random(1))
    near = case.media("b", pdq.flipped(pdq.random(1), 5))
    case.upload("late", [first], hours=9, account="acc-late")
    case.upload("early", [near], hours=2, account="acc-early")
    case.upload("both", [first, near], hours=5, account="acc-both")
    origin = origin_of(match_media(case.context()), first)
    assert (origin["upload_id"], origin["account_id"], origin["uploads"], origin["items"]) == (
        "upl-early",
        "acc-early",
        3,
        2,
    )
    assert origin["at_utc"].hour == 2


def test_uploads_at_one_time_are_told_apart_by_id(case, pdq):
    item = case.media("a", pdq.random(1))
    for name in ("z", "b", "k"):
        case.upload(name, [item], hours=1)
    assert origin_of(match_media(case.context()), item)["upload_id"] == "upl-b"


def test_a_cluster_that_nobody_uploaded(case, pdq):
    item = case.media("a", pdq.random(1))
    origin = origin_of(match_media(case.context()), item)
    assert (origin["upload_id"], origin["account_id"], origin["at_utc"], origin["uploads"]) == (None, None, None, 0)
    assert (origin["verdict_group"], origin["victim_identified"]) == ("none", None)


def test_one_known_item_makes_the_cluster_known(case, pdq):
    case.listed("a", sha256=hashlib.sha256(b"c").hexdigest(), series="Lantern", victim_identified="no")
    known = case.media("a", pdq.random(1), content=b"c")
    case.media("b", pdq.flipped(pdq.random(1), 25))
    origin = origin_of(match_media(case.context()), known)
    assert (origin["verdict_group"], origin["series"], origin["victim_identified"]) == ("known", "Lantern", "no")


def test_a_benign_copy_does_not_speak_for_unseen_neighbours(case, pdq):
    case.listed("a", polarity="known-benign", sha256=hashlib.sha256(b"c").hexdigest(), victim_identified="unknown")
    case.media("a", pdq.random(1), content=b"c")
    unseen = case.media("b", pdq.flipped(pdq.random(1), 8))
    origin = origin_of(match_media(case.context()), unseen)
    assert (origin["verdict_group"], origin["victim_identified"]) == ("none", None)
