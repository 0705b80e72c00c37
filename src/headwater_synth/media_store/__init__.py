"""An invented media store: really encoded stills and videos of drawn scenes, edits of them, and hash lists."""

from headwater_synth.media_store.hash_lists import write_hash_lists
from headwater_synth.media_store.model import ListedFile, ListedFrame, MediaFile, MediaResult
from headwater_synth.media_store.store import build_media_store
from headwater_synth.media_store.truth import STORE_PATH, write_media_truth

__all__ = [
    "STORE_PATH",
    "ListedFile",
    "ListedFrame",
    "MediaFile",
    "MediaResult",
    "build_media_store",
    "write_hash_lists",
    "write_media_truth",
]
