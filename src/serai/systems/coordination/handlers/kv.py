"""KV: Range, RangeStream, Put, DeleteRange, Txn, Compact."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from serai.protocols.etcd.messages import rpc
from serai.runtime.grpc.calls import Call, Send
from serai.systems.coordination.errors import InvalidSortOption, KeyNotFound, NotCapable, TooManyOperations
from serai.systems.coordination.handlers.family import Family, write_kv
from serai.systems.coordination.member import Caller
from serai.systems.coordination.state.transactions import writes
from serai.systems.coordination.state.words import (
    Compact,
    Compare,
    DeleteRange,
    DeleteResult,
    Field,
    Operation,
    Order,
    Outcome,
    Put,
    PutResult,
    Range,
    RangeResult,
    Relation,
    Target,
    Txn,
    TxnResult,
)

PAGE_KEYS = 1_000
"""Of one message of RangeStream."""
NESTING_MAX = 16
"""Transactions in transactions."""

_PutResponse = rpc.PutResponse
_RangeResponse = rpc.RangeResponse
_ORDERS = tuple(Order)
_FIELDS = tuple(Field)


class KV(Family):
    """Keys."""

    async def range(self, request: Any, call: Call) -> Any:
        """Keys as they are now or were at a revision."""
        word = range_word(request)
        outcome = await self._member.read(word, self._callers.of(call), linearizable=not request.serializable)
        answer = self._answer(_RangeResponse, outcome.revision)
        _write_range(answer, outcome.result)
        return answer

    async def range_stream(self, requests: AsyncIterator[Any], call: Call, send: Send) -> None:
        """A range in pages, all as of one revision; the last has the header and the count."""
        async for request in requests:
            word = range_word(request)
            if word.order is not Order.NONE or word.sort_by is not Field.KEY or _filters(word):
                raise NotCapable("RangeStream gives keys in their order, unfiltered")
            await self._pages(word, self._callers.of(call), send, linearizable=not request.serializable)

    async def _pages(self, word: Range, caller: Caller, send: Send, *, linearizable: bool) -> None:
        first: Outcome | None = None
        sent = 0
        while True:
            left = word.limit - sent if word.limit else PAGE_KEYS
            page = _page(word, min(left, PAGE_KEYS), first)
            outcome = await self._member.read(page, caller, linearizable=linearizable and first is None)
            result: RangeResult = outcome.result  # type: ignore[assignment]  # a range's result
            if first is None:
                first = outcome
            sent += len(result.kvs)
            ends = not result.more or sent == word.limit
            await send(self._page_message(first, result, word) if ends else _part(result))
            if ends:
                return
            word = _after(word, result.kvs[-1].key)

    def _page_message(self, first: Outcome, result: RangeResult, word: Range) -> Any:
        message = rpc.RangeStreamResponse()
        answer = message.range_response
        answer.CopyFrom(self._answer(_RangeResponse, first.revision))
        _write_range(answer, result)
        answer.count = first.result.count  # type: ignore[attr-defined]  # the same
        return message

    async def put(self, request: Any, call: Call) -> Any:
        """Sets a key."""
        outcome = await self._member.propose(put_word(request), self._callers.of(call))
        answer = self._answer(_PutResponse, outcome.revision)
        _write_put(answer, outcome.result)
        return answer

    async def delete_range(self, request: Any, call: Call) -> Any:
        """Deletes keys."""
        outcome = await self._member.propose(delete_word(request), self._callers.of(call))
        answer = self._answer(rpc.DeleteRangeResponse, outcome.revision)
        _write_delete(answer, outcome.result)
        return answer

    async def txn(self, request: Any, call: Call) -> Any:
        """If, then, else, at one revision. One that changes nothing does not go through the log."""
        word = txn_word(request)
        caller = self._callers.of(call)
        if writes(word):
            outcome = await self._member.propose(word, caller)
        else:
            outcome = await self._member.read(word, caller, linearizable=not _serializable(request))
        answer = self._answer(rpc.TxnResponse, outcome.revision)
        _write_txn(answer, outcome.result, outcome.revision)
        return answer

    async def compact(self, request: Any, call: Call) -> Any:
        """Forgets history: a right of root's alone, as since etcd 3.6."""
        outcome = await self._member.propose(Compact(request.revision), self._callers.root(call))
        return self._answer(rpc.CompactionResponse, outcome.revision)


# From the wire ------------------------------------------------------------------------------------------------------


def range_word(request: Any) -> Range:
    """A Range. InvalidSortOption."""
    order, field = request.sort_order, request.sort_target
    if not (0 <= order < len(_ORDERS) and 0 <= field < len(_FIELDS)):
        raise InvalidSortOption(f"there is no order {order} or target {field}")
    return Range(
        request.key,
        request.range_end,
        max(0, request.limit),
        max(0, request.revision),
        _ORDERS[order],
        _FIELDS[field],
        request.keys_only,
        request.count_only,
        request.min_mod_revision,
        request.max_mod_revision,
        request.min_create_revision,
        request.max_create_revision,
    )


def put_word(request: Any) -> Put:
    """A Put."""
    return Put(
        request.key, request.value, request.lease, request.prev_kv, request.ignore_value, request.ignore_lease
    )  # fmt: skip


def delete_word(request: Any) -> DeleteRange:
    """A DeleteRange."""
    return DeleteRange(request.key, request.range_end, request.prev_kv)


def txn_word(request: Any, depth: int = 0) -> Txn:
    """A Txn. InvalidSortOption, KeyNotFound for an operation that says nothing, TooManyOperations."""
    if depth > NESTING_MAX:
        raise TooManyOperations(f"transactions are nested at most {NESTING_MAX} deep")
    return Txn(
        tuple([_compare(one) for one in request.compare]),
        tuple([_operation(one, depth) for one in request.success]),
        tuple([_operation(one, depth) for one in request.failure]),
    )


def _operation(one: Any, depth: int) -> Operation:
    match one.WhichOneof("request"):
        case "request_range":
            return range_word(one.request_range)
        case "request_put":
            return put_word(one.request_put)
        case "request_delete_range":
            return delete_word(one.request_delete_range)
        case "request_txn":
            return txn_word(one.request_txn, depth + 1)
    raise KeyNotFound("an operation of the transaction says nothing")


_NUMBERS = {
    Target.VERSION: "version",
    Target.CREATE: "create_revision",
    Target.MOD: "mod_revision",
    Target.LEASE: "lease",
}


def _compare(one: Any) -> Compare:
    target, relation = _known(Target, one.target), _known(Relation, one.result)
    if target is Target.VALUE:
        return Compare(one.key, relation, target, 0, one.value, one.range_end)
    return Compare(one.key, relation, target, getattr(one, _NUMBERS[target]), b"", one.range_end)


def _known(kind: Any, number: int) -> Any:
    try:
        return kind(number)
    except ValueError as error:
        raise InvalidSortOption(f"there is no {kind.__name__.lower()} {number}") from error


def _serializable(request: Any) -> bool:
    """Whether all ranges of a transaction without writes are content with what this member has."""
    for one in (*request.success, *request.failure):
        inner = one.request_txn if one.HasField("request_txn") else None
        if not (_serializable(inner) if inner is not None else one.request_range.serializable):
            return False
    return True


# To the wire --------------------------------------------------------------------------------------------------------


def _write_range(answer: Any, result: Any) -> None:
    for kv in result.kvs:
        write_kv(answer.kvs.add(), kv)
    answer.more = result.more
    answer.count = result.count


def _write_put(answer: Any, result: Any) -> None:
    if result.prev is not None:
        write_kv(answer.prev_kv, result.prev)


def _write_delete(answer: Any, result: Any) -> None:
    answer.deleted = result.deleted
    for kv in result.prevs:
        write_kv(answer.prev_kvs.add(), kv)


def _write_txn(answer: Any, result: Any, revision: int) -> None:
    answer.succeeded = result.succeeded
    _write_results(answer.responses, result.results, revision)


def _write_results(responses: Any, results: Sequence[object], revision: int) -> None:
    for result in results:
        response = responses.add()
        match result:
            case RangeResult():
                inner, write = response.response_range, _write_range
            case PutResult():
                inner, write = response.response_put, _write_put
            case DeleteResult():
                inner, write = response.response_delete_range, _write_delete
            case TxnResult():
                response.response_txn.header.revision = revision
                _write_txn(response.response_txn, result, revision)
                continue
        inner.header.revision = revision
        write(inner, result)


# Pages --------------------------------------------------------------------------------------------------------------


def _filters(word: Range) -> bool:
    return bool(word.mod_min or word.mod_max or word.create_min or word.create_max)


def _page(word: Range, keys: int, first: Outcome | None) -> Range:
    revision = word.revision or (first.revision if first is not None else 0)
    return Range(
        word.key, word.range_end, keys, revision, keys_only=word.keys_only, count_only=word.count_only
    )  # fmt: skip


def _after(word: Range, key: bytes) -> Range:
    return Range(
        key + b"\x00", word.range_end, word.limit, word.revision, keys_only=word.keys_only, count_only=word.count_only
    )  # fmt: skip


def _part(result: RangeResult) -> Any:
    message = rpc.RangeStreamResponse()
    for kv in result.kvs:
        write_kv(message.range_response.kvs.add(), kv)
    return message
