"""The slots of the fast lane beside records: their sizes, and that `kind` is where every slot has it."""

import pytest

from streams.lanes.fast_slots import KIND_FRAME, KIND_RECORD, KIND_STAMPS, KIND_TAKEN, PAYLOAD, FrameMark, RecordSlot, StampSlot, TakenSlot
from streams.slots import SLOTS, Slot


@pytest.mark.parametrize(("slot", "nbytes"), [(FrameMark, 64), (TakenSlot, 64), (StampSlot, 128), (RecordSlot, 256)])
def test_slot_has_its_bytes_and_the_head_of_every_slot(slot, nbytes):
    assert slot._size_ == nbytes
    assert {name: slot._fields_[name].offset for name in Slot._fields_} == {name: f.offset for name, f in Slot._fields_.items()}


def test_kinds_are_no_kinds_of_records():
    ours = {KIND_FRAME, KIND_TAKEN, KIND_STAMPS, KIND_RECORD}
    assert len(ours) == 4
    assert not ours & {*SLOTS, 0, 31}


def test_payload_begins_after_the_last_field():
    last = max(RecordSlot._fields_.values(), key=lambda field: field.offset)
    assert last.offset + 4 == PAYLOAD
