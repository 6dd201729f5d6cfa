"""The classifier: what does a text say about a brand — negative, neutral or positive?

Importing this package is quick; torch is imported when a model is loaded. Nothing here knows of
`stream`.
"""

from models.classify import Classifier
from models.errors import BackendMissing, DataRefused, ModelError, ModelRefused
from models.load import load_classifier
from models.passage import Passage
from models.rows import LABELS

__all__ = [
    "LABELS",
    "BackendMissing",
    "Classifier",
    "DataRefused",
    "ModelError",
    "ModelRefused",
    "Passage",
    "load_classifier",
]
