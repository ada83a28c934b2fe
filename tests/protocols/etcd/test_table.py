"""The table says what etcd's protos say, and its classes live beside those of a client in one process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from tests.protocols.etcd.samples import fill

from serai.protocols.etcd import messages
from serai.protocols.etcd.messages import message, rpc
from serai.protocols.etcd.table import ENUMS, MESSAGES, OURS, PACKAGES, RPCS, Rpc, fields

FACTS = Path(__file__).parent / "etcd-3.7.txt"
"""Read off the protos of etcd 3.7 once, line by line: fields, enums, methods and the gateway's paths."""


def told() -> Iterator[str]:
    """The table, written as the facts are."""
    for name in MESSAGES:
        for field in [one for one in fields(name) if f"{name} {one.name}" not in OURS]:
            many = "repeated " if field.repeated else ""
            union = f" oneof {field.union}" if field.union else ""
            yield f"field {name} {field.name} = {field.number} {many}{field.type}{union}"
    for name, values in ENUMS.items():
        for value in values.split():
            yield f"enum {name} {' = '.join(value.split('='))}"
    for method in RPCS:
        yield f"rpc {method.path[1:]} {_signature(method)}"
        for path in method.paths:
            yield f"path {path} {method.service.partition('.')[0]} {method.name}"


def _signature(method: Rpc) -> str:
    asked, answered = [name.rpartition(".")[2] for name in (method.request, method.response)]
    return f"{'stream ' if method.asks else ''}{asked} -> {'stream ' if method.tells else ''}{answered}"


def test_the_table_is_etcds() -> None:
    facts = FACTS.read_text().splitlines()
    assert len(facts) > 390
    assert sorted(told()) == sorted(facts)


def test_every_class_has_the_fields_of_the_table() -> None:
    for name in MESSAGES:
        descriptor = message(name).DESCRIPTOR
        assert descriptor.full_name == name
        assert {(one.name, one.number) for one in descriptor.fields} == {(f.name, f.number) for f in fields(name)}


def test_a_message_that_etcd_does_not_have() -> None:
    with pytest.raises(AttributeError, match=r"no message etcdserverpb\.PutRequests"):
        _ = rpc.PutRequests


# Beside a client ------------------------------------------------------------------------------------------------------


def foreign() -> dict[str, type[Message]]:
    """The classes that aetcd registers in the pool that all share, by name."""
    from aetcd.rpc import auth_pb2, kv_pb2, rpc_pb2

    modules = (auth_pb2, kv_pb2, rpc_pb2)
    kinds = [kind for module in modules for kind in vars(module).values() if isinstance(kind, type)]
    return {kind.DESCRIPTOR.full_name: kind for kind in kinds if hasattr(kind, "DESCRIPTOR")}


def test_what_a_client_writes_is_read_whole_and_back() -> None:
    theirs = foreign()
    assert len(theirs) > 70
    for name, kind in theirs.items():
        if name.startswith(tuple(PACKAGES)):
            sent = fill(kind()).SerializeToString(deterministic=True)
            read = message(name).FromString(sent)
            assert read.SerializeToString(deterministic=True) == sent, name
            read.DiscardUnknownFields()  # type: ignore[attr-defined]  # the stubs leave it out
            assert read.SerializeToString(deterministic=True) == sent, f"{name} has a field that the table lacks"
            written = fill(message(name)()).SerializeToString(deterministic=True)
            again = kind.FromString(written).SerializeToString(deterministic=True)
            assert again == written or len(fields_of(kind)) < len(fields_of(message(name))), name


def fields_of(kind: type[Message]) -> list[FieldDescriptor]:
    return list(kind.DESCRIPTOR.fields)


def test_without_a_pool_of_its_own_it_would_break_the_client() -> None:
    """The control: what the private pool prevents."""
    foreign()
    ours = messages._file("mvccpb")
    ours.message_type[0].field[0].name = "another"
    with pytest.raises(TypeError):
        descriptor_pool.Default().AddSerializedFile(ours.SerializeToString())
    assert message("mvccpb.KeyValue").DESCRIPTOR is not foreign()["mvccpb.KeyValue"].DESCRIPTOR
