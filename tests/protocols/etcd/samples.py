"""Messages with something in every field."""

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message


def fill(one: Message, depth: int = 4) -> Message:
    """Sets every field to something that is not its default; of unions the last stays."""
    for field in one.DESCRIPTOR.fields:
        if field.message_type is not None and depth == 0:
            continue
        target = getattr(one, field.name)
        if field.is_repeated:
            for _ in range(2):
                target.add() if field.message_type is not None else target.append(_sample(field))
            for inner in target if field.message_type is not None else ():
                fill(inner, depth - 1)
        elif field.message_type is not None:
            target.SetInParent()
            fill(target, depth - 1)
        else:
            setattr(one, field.name, _sample(field))
    return one


def _sample(field: FieldDescriptor) -> object:
    if field.enum_type is not None:
        return field.enum_type.values[-1].number
    whole = 2 ** (31 if field.type == FieldDescriptor.TYPE_UINT32 else 62) + field.number
    by_type = {FieldDescriptor.TYPE_BYTES: b"\x00\xff" + field.name.encode(), FieldDescriptor.TYPE_STRING: field.name}
    return by_type.get(field.type, True if field.type == FieldDescriptor.TYPE_BOOL else whole)
