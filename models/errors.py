"""What can go wrong with a model: one small tree, each error one line with the place and the fix.

ModelError (ValueError)
├── ModelRefused      the directory may not be loaded (unsafe, incomplete, altered, other labels)
├── BackendMissing    the device or backend asked for is not available here
├── DataRefused       a file of labelled rows has a line that is none
└── ExtraMissing      a library that only this needs is not installed
"""


class ModelError(ValueError):
    """Base of all errors of this package; the message is one line and fit for a terminal."""


class ModelRefused(ModelError):
    """The model directory must not or cannot be loaded."""


class BackendMissing(ModelError):
    """The device or backend asked for does not exist on this machine."""


class DataRefused(ModelError):
    """A file of labelled rows is not what it must be."""


class ExtraMissing(ModelError):
    """An optional library is not installed; the message says how to install it."""
