"""Classes of the table's messages.

They live in a descriptor pool of their own: two packages of one process that register the same names in the common pool
break each other, and every etcd client for Python registers these.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.message import Message

from serai.protocols.etcd.table import ENUMS, MESSAGES, PACKAGES, Field, fields

_SCALARS = {
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "string": FieldDescriptorProto.TYPE_STRING,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "uint64": FieldDescriptorProto.TYPE_UINT64,
    "uint32": FieldDescriptorProto.TYPE_UINT32,
    "bool": FieldDescriptorProto.TYPE_BOOL,
}


def _in(names: dict[str, str], owner: str) -> Iterator[tuple[str, str]]:
    """What stands directly in a package or message: its short name and its text."""
    for name, text in names.items():
        above, _, short = name.rpartition(".")
        if above == owner:
            yield short, text


def _file(package: str) -> FileDescriptorProto:
    before = PACKAGES[: PACKAGES.index(package)]
    described = FileDescriptorProto(
        name=f"{package}.proto", package=package, syntax="proto3", dependency=[f"{one}.proto" for one in before]
    )
    for name, _ in _in(MESSAGES, package):
        _fill(described.message_type.add(name=name), f"{package}.{name}")
    for name, values in _in(ENUMS, package):
        _enum(described.enum_type.add(name=name), values)
    return described


def _fill(described: DescriptorProto, name: str) -> None:
    unions: list[str] = []
    for field in fields(name):
        entry = described.field.add(name=field.name, number=field.number)
        entry.label = FieldDescriptorProto.LABEL_REPEATED if field.repeated else FieldDescriptorProto.LABEL_OPTIONAL
        _set_type(entry, field, name)
        if field.union:
            if field.union not in unions:
                unions.append(field.union)
                described.oneof_decl.add(name=field.union)
            entry.oneof_index = unions.index(field.union)
    for enum, values in _in(ENUMS, name):
        _enum(described.enum_type.add(name=enum), values)


def _set_type(entry: FieldDescriptorProto, field: Field, message: str) -> None:
    scalar = _SCALARS.get(field.type)
    if scalar is not None:
        entry.type = scalar
        return
    package = message.partition(".")[0]
    full = next(
        name
        for name in (f"{message}.{field.type}", f"{package}.{field.type}", field.type)
        if name in ENUMS or name in MESSAGES
    )
    entry.type = FieldDescriptorProto.TYPE_ENUM if full in ENUMS else FieldDescriptorProto.TYPE_MESSAGE
    entry.type_name = f".{full}"


def _enum(described: EnumDescriptorProto, values: str) -> None:
    for value in values.split():
        name, _, number = value.partition("=")
        described.value.add(name=name, number=int(number))


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for package in PACKAGES:
        pool.AddSerializedFile(_file(package).SerializeToString())
    return pool


@cache
def message(name: str) -> type[Message]:
    """The class of a message: "etcdserverpb.PutRequest". KeyError."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(name))


class Package:
    """The messages of one package as attributes: `rpc.PutRequest(key=b"k")`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        full = f"{self._name}.{name}"
        if full not in MESSAGES:
            raise AttributeError(f"etcd's API has no message {full}")
        found = message(full)
        setattr(self, name, found)
        return found


rpc = Package("etcdserverpb")
kv = Package("mvccpb")
auth = Package("authpb")
lock = Package("v3lockpb")
election = Package("v3electionpb")
