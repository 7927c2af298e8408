"""Mutations of LiteRT and HDF5 files, arrays, pickles and TFRecord files that keep their form."""

from __future__ import annotations

import ast
import gzip
import io
import pickle
import pickletools
import struct
from collections.abc import Iterator
from random import Random
from typing import Any

from google_crc32c import value as crc32c

from tools.fuzz.documents import zipped
from tools.fuzz.mutations import (
    NUMBERS,
    TOKENS,
    Mutation,
    mutate_bytes,
    mutate_head,
    mutate_text,
    mutate_words,
    number,
    one_of,
    replaced,
    shuffled,
)


def frame(record: bytes) -> bytes:
    """Return a record of a TFRecord file between its length and checksums."""
    length = struct.pack("<Q", len(record))
    return length + _checksum(length) + record + _checksum(record)


def _flatbuffer(random: Random, content: bytes) -> bytes:
    """Change one to four values of a LiteRT model, and write it as a sound flatbuffer."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content)
    for _ in range(random.choice((1, 1, 2, 4))):
        tables = [*_tables(model)]
        _change_table(random, random.choice(tables), tables)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _tables(table: Any) -> Iterator[Any]:
    yield table
    for value in vars(table).values():
        for each in value if isinstance(value, list) else [value]:
            if hasattr(each, "__dict__"):
                yield from _tables(each)


def _change_table(random: Random, table: Any, tables: list[Any]) -> None:
    name = random.choice([*vars(table)])
    value = getattr(table, name)
    alike = [each for each in tables if type(each) is type(table)]
    if random.random() < 0.2:
        value = getattr(random.choice(alike), name)
    elif isinstance(value, int | float):
        value = type(value)(number(random, int(value)))
    elif isinstance(value, bytes):
        value = random.choice(TOKENS).encode("utf-8", "surrogatepass")
    elif hasattr(value, "__len__") and len(value):
        value = _changed_list(random, list(value))
    elif random.random() < 0.3:
        value = None
    setattr(table, name, value)


def _changed_list(random: Random, values: list[Any]) -> list[Any]:
    place = random.randrange(len(values))
    match random.randrange(5):
        case 0:
            del values[place]
        case 1:
            values[place:place] = [values[place]] * random.choice((1, 7, 1000))
        case _ if hasattr(values[place], "__dict__"):
            values[place] = random.choice(values)
        case _:
            values[place] = number(random, int(values[place]))
    return values


def _flatbuffer_words(random: Random, content: bytes) -> bytes:
    """Change aligned words outside of the weights, where tables and offsets are."""
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 4))):
        place = random.randrange(min(len(content), 20_000)) & ~3
        old = int.from_bytes(changed[place : place + 4], "little")
        new = random.choice((old + 4, old - 4, number(random, old)))
        changed[place : place + 4] = (new % (1 << 32)).to_bytes(4, "little")
    return bytes(changed)


mutate_litert = one_of(_flatbuffer, _flatbuffer, _flatbuffer_words, mutate_words, mutate_bytes)


def _hdf5_members(random: Random, content: bytes) -> bytes:
    """Change groups, data sets, links and attributes through h5py."""
    import h5py

    stream = io.BytesIO(content)
    with h5py.File(stream, "a") as file:
        for _ in range(random.choice((1, 1, 2))):
            names: list[str] = []
            file.visit(names.append)
            _change_member(random, file, random.choice(names))
    return stream.getvalue()


def _change_member(random: Random, file: Any, name: str) -> None:
    import h5py

    links = (h5py.SoftLink("/"), h5py.SoftLink("/nothing"), h5py.ExternalLink("/dev/zero", "/"))
    shape = tuple(random.choice((0, 1, 3, 1000, 10**6, 2**31)) for _ in range(random.randrange(4)))
    kind = random.choice(("f4", "f8", "i1", "i8", "b1", "c16", "S5", h5py.string_dtype(), "f4,i4"))
    if random.random() < 0.3:
        where = random.choice((file, file[name]))
        key = random.choice([*where.attrs, "layer_names", "weight_names", "name"])
        where.attrs[key] = random.choice(
            ([b"a", b"b"], "x", 1.5, 2**40, [[1]], b"\xff", ["a"] * 999)
        )
        return
    old = file[name]
    del file[name]
    match random.randrange(6):
        case 0:
            file[name] = random.choice(links)
        case 1:
            file.create_group(name)
        case 2:
            file[f"{name}/{random.choice(('0', '-1', '9' * 5000, 'x', 'é'))}"] = old
        case 3:
            file[name + random.choice(("0", "x", "/../x"))] = old
        case _:
            file.create_dataset(
                name, shape, kind, chunks=True if shape and 0 not in shape else None
            )


def _hdf5_headers(random: Random, content: bytes) -> bytes:
    """Change numbers in the structures that describe groups and data sets."""
    changed = bytearray(content)
    marks = (b"\x89HDF", b"TREE", b"HEAP", b"SNOD", b"OHDR", b"GCOL", b"\x01\x00")
    for _ in range(random.choice((1, 1, 2, 4))):
        mark = random.choice(marks)
        places = [place for place in range(0, len(content), 2) if content.startswith(mark, place)]
        start = random.choice(places) + 4
        changed[start : start + 60] = mutate_words(random, bytes(changed[start : start + 60]))
    return bytes(changed)


mutate_hdf5 = one_of(_hdf5_members, _hdf5_members, _hdf5_headers, mutate_words, mutate_bytes)


def _npy_header(random: Random, content: bytes) -> bytes:
    """Change the shape, the type or the order that an array's header claims."""
    (size,) = struct.unpack("<H", content[8:10])
    claims = ast.literal_eval(content[10 : 10 + size].decode("latin1"))
    kinds = ("|u1", "<f8", ">i2", "|O", "|S9", "<U9", "|b1", "<M8[s]", "|V9", "<c16", "<i8")
    match random.randrange(4):
        case 0:
            claims["descr"] = random.choice(kinds)
        case 1:
            shape = list(claims["shape"]) or [1]
            shape[random.randrange(len(shape))] = number(random, shape[0])
            claims["shape"] = tuple(shape)
        case 2:
            claims["shape"] = tuple(random.choice(NUMBERS) for _ in range(random.randrange(5)))
        case _:
            claims["fortran_order"] = random.choice((True, 0, "x", None))
    text = (
        mutate_text(random, repr(claims).encode())
        if random.random() < 0.3
        else repr(claims).encode()
    )
    header = text[:60_000] + b"\n"
    return content[:8] + struct.pack("<H", len(header)) + header + content[10 + size :]


mutate_npz = zipped({".npy": one_of(_npy_header, _npy_header, _npy_header, mutate_bytes)})


def gzipped(mutate: Mutation) -> Mutation:
    """Return a mutation of what a gzipped file holds, and sometimes of the file itself."""

    def inside(random: Random, content: bytes) -> bytes:
        changed = mutate(random, gzip.decompress(content)) * random.choice((1, 1, 1, 8))
        return gzip.compress(changed, mtime=0)

    return one_of(inside, inside, inside, mutate_bytes)


def _claims(random: Random, content: bytes) -> bytes:
    """Change one number in the header of an idx file."""
    place = random.randrange(4) * 4
    return replaced(content, place, place + 4, struct.pack(">I", number(random, 4) % (1 << 32)))


mutate_idx = one_of(_claims, _claims, mutate_head, mutate_bytes)
mutate_gzipped_idx = gzipped(mutate_idx)


def _opcodes(random: Random, content: bytes) -> bytes:
    """Repeat, move and leave out whole instructions of a pickle."""
    starts = [place for _, _, place in pickletools.genops(content) if place is not None]
    parts = [content[a:b] for a, b in zip(starts, [*starts[1:], len(content)], strict=True)]
    for _ in range(random.choice((1, 2, 4))):
        if random.random() < 0.6:
            parts[:-1] = shuffled(random, parts[:-1])
        else:
            parts.insert(random.randrange(len(parts)), random.choice(_INSTRUCTIONS))
    return b"".join(parts)


_INSTRUCTIONS = (
    *(b"cos\nsystem\n", b"cbuiltins\nlist\n", b"cnumpy\nndarray\n", b"R", b"b", b"\x81", b"\x92"),
    *(b"(", b"t", b"l", b"d", b")", b"]", b"}", b"\x8f", b"\x90", b"0", b"1", b"2", b"u", b"e"),
    *(b"]" * 1000, b"\x85" * 200_000, b"(" * 100_000, b"I" + b"9" * 5000 + b"\n", b"Lx\n", b"P1\n"),
    *(b"\x8b\xff\xff\xff\x7f", b"B\xff\xff\xff\x7f", b"X\x00\x00\x00\x7f", b"T\xff\xff\xff\xff"),
    *(b"h\xff", b"j\xff\xff\xff\xff", b"r\xff\xff\xff\x7f", b"\x82\x01", b"\x96" + b"\xff" * 8),
)


def _values(random: Random, content: bytes) -> bytes:
    """Change the value that a pickle holds, and pickle it again."""
    value = pickle.loads(content)  # noqa: S301  # a seed of our own
    places = list(value) if isinstance(value, tuple) else [*value.values()]
    place = random.randrange(len(places))
    places[place] = _pickled_value(random, places[place])
    changed = tuple(places) if isinstance(value, tuple) else dict(zip(value, places, strict=True))
    return pickle.dumps(changed, protocol=random.choice((0, 1, 2, 4, 5)))


def _pickled_value(random: Random, old: Any) -> Any:
    several = random.choice((1, 2, 2000))
    match random.randrange(7):
        case 0:
            return [random.choice((old, *_PLAIN))] * random.choice((0, 9, 10_000))
        case 1:
            return tuple(random.choice(_PLAIN) for _ in range(several))
        case 2:
            for _ in range(random.choice((1, 90, 400))):
                old = [old]
            return old
        case 3:
            return {each * (2**61 - 1): 0 for each in range(several)}  # equal hashes
        case 4:
            return random.choice(({"x": old}, set(_PLAIN[:4]), {**dict.fromkeys(_PLAIN, old)}))
        case _:
            return random.choice(_PLAIN)


_PLAIN = (1, -1, 2**70, 1.5, float("nan"), True, None, "x", b"x", "x" * 10**6, 10**3000)

mutate_pickle = one_of(_opcodes, _opcodes, _values, _values, mutate_bytes)


def _framed(random: Random, content: bytes) -> bytes:
    """Change the records of a TFRecord file; their checksums are right."""
    found = [*_records(content)]
    place = random.randrange(len(found))
    if random.random() < 0.2:
        found = shuffled(random, found)
    else:
        found[place] = _protocol_buffer(random, found[place])
    return b"".join(map(frame, found))


def _records(content: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(content):
        (length,) = struct.unpack_from("<Q", content, place)
        yield content[place + 12 : place + 12 + length]
        place += length + 16


def _checksum(content: bytes) -> bytes:
    crc = crc32c(content)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _protocol_buffer(random: Random, content: bytes) -> bytes:
    """Change bytes, or a tag or length followed by text or a picture."""
    if random.random() < 0.5:
        return mutate_bytes(random, content)
    place = random.choice(
        [at for at, byte in enumerate(content[:400]) if byte in b"\x08\x0a\x12\x1a"]
    )
    long = bytes([0xFF] * random.choice((1, 4, 8, 9, 10)) + [random.choice((0, 1, 127))])
    return replaced(
        content, place, place + random.choice((1, 2)), random.choice((long, b"\x0b", b"\x0a"))
    )


def _claimed_length(random: Random, content: bytes) -> bytes:
    """Change the length of the first record; the length's checksum is right."""
    length = struct.pack("<Q", number(random, 100) % (1 << 64))
    return length + _checksum(length) + content[12:]


mutate_tfrecord = one_of(_framed, _framed, _framed, _claimed_length, mutate_bytes)
