"""Large LiteRT files whose weights are kept in the order in which LiteRT computes with them.

When LiteRT loads a file, it copies the weights into the order of its kernels (XNNPACK) and keeps
both. Its `CompiledModel` can map that copy from a file instead: the process then starts sooner,
needs about 0.6 times the memory, and gives the same answers bit for bit.

The cache folder has two files for a model: the packed weights, whose form is XNNPACK's own, and a
copy of the LiteRT file, which LiteRT maps as well, so that nobody else may change it. The copy ends
with the checksum of the packed weights.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import math
import struct
import weakref
from dataclasses import dataclass
from functools import cached_property
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from google_crc32c import extend as crc32c
from numpy.typing import NDArray

from imgrec.data import storage
from imgrec.data.cache_files import (
    CACHE_VERSION,
    LIMIT,
    CacheEntry,
    CacheWriter,
    NoRoom,
    cache_folder,
    hold,
    obtain,
    shown_path,
)
from imgrec.errors import RunError
from imgrec.files import sha256
from imgrec.models.litert import check_litert, has_fixed_shapes, read_graph
from imgrec.models.processor import flags, processor_name
from imgrec.models.refused_files import RefusedFile
from imgrec.runtime.litert_tensor import LiteRTTensor
from imgrec.stderr import keep_native_stderr_out_at_exit, suppress_native_stderr
from imgrec.text import printable

log = logging.getLogger("imgrec")

_CHECKSUM = struct.Struct("<I")
_CHUNK = 1 << 20

# Where LiteRT looks for plugins of other processors.
_NOWHERE = "/nonexistent"


@dataclass(frozen=True)
class PackedModel:
    """A LiteRT file and its packed weights in the cache folder, in use while they are mapped.

    size: of the LiteRT file, in bytes; what follows it is the cache's.
    """

    path: Path
    weights_path: Path
    size: int
    mapped: tuple[mmap, mmap]

    @property
    def content(self) -> bytes:
        """The content of the LiteRT file."""
        return self.mapped[0][: self.size]


def packed_model(path: Path, identity: str, image: tuple[int, int, int]) -> PackedModel | None:
    """Return the packed model of a LiteRT file, from the cache folder; it is packed if missing.

    Args:
        path: The file. It is not read if its model is in the cache.
        identity: The SHA-256 of its content.
        image: The height, width and channels of the images that the model takes.

    Returns:
        The model; None if the cache has no room for it, LiteRT can't pack it, or the file is not
        the one that is expected, or not safe to load.

    Raises:
        ImportError: `ai-edge-litert` is not installed.
    """
    try:
        files = _CacheFiles(path, identity, image, cache_folder())
        # Kernels fill up channels: packed weights may take more than the file.
        entry = CacheEntry(files.model, 3 * storage.size(path), LIMIT)
        found, reused = obtain(entry, files.read, files.write)
    except (NoRoom, OSError, RefusedFile, RunError, RuntimeError, ValueError) as error:
        log.info("packed weights: not kept for the next start (%s)", printable(str(error)))
        return None
    if not reused:
        log.info("packed weights: kept in %s for the next start", shown_path(files.weights))
    return found


class PackedInterpreter:
    """A packed model as LiteRT computes with it, an image at a time.

    Meanwhile, LiteRT holds Python's lock, so that no other thread runs.

    loaded: an interpreter that describes the model.
    """

    batch = 1

    def __init__(self, packed: PackedModel, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.loaded = Interpreter(model_path=str(packed.path))
        self._packed = packed
        self._compiled = _Compiled(packed.path, packed.weights_path, threads)
        weakref.finalize(self, self._compiled.close)

    def compute(
        self, _given: LiteRTTensor, values: NDArray[Any], output: LiteRTTensor
    ) -> NDArray[Any]:
        """Return the output for the values of the input, of one image."""
        return self._compiled.run(values, np.dtype(output.dtype))


class _Compiled:
    """A LiteRT file as `CompiledModel` has loaded it; raises RuntimeError or ValueError.

    Its packed weights are mapped from a file, into which they are written if they are not there.

    shapes: of the input and the output, for one image.
    """

    def __init__(self, model: Path, weights: Path, threads: int) -> None:
        from ai_edge_litert.compiled_model import (
            CompiledModel,
            CpuOptions,
            Environment,
            EnvironmentOptions,
            HardwareAccelerator,
            Options,
        )

        cpu = CpuOptions(num_threads=threads, xnnpack_weight_cache_path=str(weights))
        options = Options(hardware_accelerators=HardwareAccelerator.CPU, cpu_options=cpu)
        keep_native_stderr_out_at_exit()  # another environment, which LiteRT keeps, logs its end
        with suppress_native_stderr():
            environment = Environment.create(options=EnvironmentOptions(*[_NOWHERE] * 3))
            loaded = CompiledModel.from_file(str(model), environment=environment, options=options)
            (signature,) = loaded.get_signature_list()
            (taken,) = loaded.get_input_tensor_details(signature).values()
            (given,) = loaded.get_output_tensor_details(signature).values()
            self._buffers = loaded.create_input_buffers(0), loaded.create_output_buffers(0)
        self.shapes = tuple(taken["shape"]), tuple(given["shape"])
        self._loaded: Any = loaded

    def run(self, values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return the output for the values of the input."""
        (given, *_), (found, *_) = self._buffers
        with suppress_native_stderr():
            given.write(values)
            self._loaded.run_by_index(0, *self._buffers)
            output: NDArray[Any] = found.read(math.prod(self.shapes[1]), dtype.type)
        return output.reshape(self.shapes[1])

    def close(self) -> None:
        """Free the memory; LiteRT logs that on stderr."""
        with suppress_native_stderr():
            self._buffers = [], []
            self._loaded = None


@dataclass(frozen=True)
class _CacheFiles:
    """The files of a packed model in the cache folder.

    path, identity, image: the LiteRT file, the SHA-256 of its content, and the shape of its images.
    """

    path: Path
    identity: str
    image: tuple[int, int, int]
    folder: Path

    @cached_property
    def model(self) -> Path:
        """The copy of the LiteRT file."""
        return self.folder / f"{self._key('copy')}.model"

    @cached_property
    def weights(self) -> Path:
        """The packed weights."""
        return self.folder / f"{self._key('weights')}.packed"

    def _key(self, kind: str) -> str:
        """Return the name of a file, from all that it depends on."""
        from ai_edge_litert import __version__

        parts = CACHE_VERSION, kind, self.identity, __version__, processor_name(), sorted(flags())
        return sha256(repr(parts).encode())[:32]

    def read(self, file: BinaryIO, size: int) -> PackedModel | None:
        """Return the model, for `obtain`; None if its weights are missing or were changed."""
        with storage.open_file(self.weights) as weights:
            hold(weights)
            file.seek(size := size - _CHECKSUM.size)
            private = storage.status(weights).is_private
            if not private or file.read(_CHECKSUM.size) != _checksum(weights):
                return None
            with contextlib.suppress(OSError):  # root's
                storage.touch(self.weights)
            mapped = (_mapped(file), _mapped(weights))
        check_litert(self.path, mapped[0])
        return PackedModel(self.model, self.weights, size, mapped)

    def write(self, writer: CacheWriter) -> None:
        """Write the packed weights, then the copy and their checksum, for `obtain`."""
        digest = hashlib.sha256()
        with storage.open_file(self.path) as file:
            self._check(file)  # at once, if it can be seen before anything is written
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                writer.write(chunk)
        writer.flush()
        if digest.hexdigest() != self.identity:
            raise ValueError("the file has another content")
        with storage.open_file(writer.path) as copy:
            self._check(copy)
        writer.write(self._pack(writer.path))

    def _check(self, file: BinaryIO) -> None:
        """Raise RunError or ValueError unless a file is safe for `CompiledModel`."""
        content = _mapped(file)
        check_litert(self.path, content)
        graph = read_graph(content)
        if [graph.shapes[each] for each in graph.inputs] != [(1, *self.image)]:
            raise ValueError("the model does not take one image")
        if not has_fixed_shapes(graph):
            raise ValueError("shapes may depend on the image")

    def _pack(self, copy: Path) -> bytes:
        """Write the packed weights of a LiteRT file; return their checksum.

        Raises RuntimeError or ValueError, also if a random image gets another answer with them.
        """
        image, expected = _random_answer(copy, (1, *self.image))
        partial = self.weights.with_suffix(".partial")
        storage.remove(partial)
        try:
            with storage.create_file(partial, private=True) as file:
                hold(file)
                compiled = _Compiled(copy, partial, threads=1)
                storage.sync(file)
                as_expected = (
                    compiled.shapes == (image.shape, expected.shape)
                    and compiled.run(image, expected.dtype).tobytes() == expected.tobytes()
                )
                compiled.close()
            if not as_expected:
                raise ValueError("the answers would differ")
            with storage.open_file(partial) as packed:
                checksum = _checksum(packed)
            storage.replace(partial, self.weights)
        finally:
            storage.remove(partial)
        return checksum


def _random_answer(model: Path, shape: tuple[int, ...]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the values of a random image, and what LiteRT's interpreter answers."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(model))
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    image = np.random.default_rng(0).integers(0, 256, shape).astype(taken["dtype"])
    with suppress_native_stderr():
        interpreter.resize_tensor_input(taken["index"], shape)
        interpreter.allocate_tensors()
    interpreter.set_tensor(taken["index"], image)
    interpreter.invoke()
    return image, interpreter.get_tensor(given["index"])


def _checksum(file: BinaryIO) -> bytes:
    checksum = 0
    while chunk := file.read(_CHUNK):
        checksum = crc32c(checksum, chunk)
    return _CHECKSUM.pack(checksum)


def _mapped(file: BinaryIO) -> mmap:
    return mmap(file.fileno(), 0, access=ACCESS_READ)
