"""Sequence rules of Binance's diff streams in the kernel: `rules.BookSync`, whose module gives the sources, without the diffs it holds."""

from streams.kernel import Struct
from streams.venues.binance.rules import Verdict

__all__ = ["Sequence"]


class Sequence(Struct):
    """Where the book of one symbol stands in the venue's sequence.

    spot         : 1 = the rules of spot, 0 = of futures
    synced       : 1 = a snapshot was accepted and every diff since has been given APPLY
    last_seq     : `u` of the newest diff seen, -1 = none
    snapshot_seq : snapshot accepted, first diff not seen yet; else -1
    gaps         : breaks of the sequence seen so far, also among diffs that were held or dropped
    dropped      : diffs never applied because a snapshot already holds them, or because too many were held
    """

    spot: int
    synced: int
    last_seq: int = -1
    snapshot_seq: int = -1
    gaps: int
    dropped: int

    def clear(self) -> None:
        """As before the first diff; the rules stay."""
        self.synced = 0
        self.last_seq = -1
        self.snapshot_seq = -1
        self.gaps = 0
        self.dropped = 0

    def on_diff(self, first_seq: int, last_seq: int, prev_seq: int) -> int:
        """The Verdict on the next diff of the stream. HOLD: the caller keeps it; GAP: instead of those it has kept."""
        if self.last_seq >= 0 and last_seq <= self.last_seq:
            return Verdict.DROP
        broken = self.last_seq >= 0 and not self.follows(first_seq, prev_seq)
        self.gaps += 1 if broken else 0
        self.last_seq = last_seq
        if self.snapshot_seq >= 0:
            return self.on_first(first_seq, last_seq, prev_seq, broken)
        if broken:
            self.synced = 0
            return Verdict.GAP
        return Verdict.APPLY if self.synced != 0 else Verdict.HOLD

    def on_first(self, first_seq: int, last_seq: int, prev_seq: int, broken: bool) -> int:
        """The verdict on a diff when the last thing accepted is a snapshot."""
        if self.older(last_seq, self.snapshot_seq):
            self.dropped += 1
            return Verdict.DROP
        brackets = self.brackets(first_seq, prev_seq, self.snapshot_seq)
        self.snapshot_seq = -1
        if brackets:
            return Verdict.APPLY
        self.gaps += 0 if broken else 1  # a break is counted once
        self.synced = 0
        return Verdict.GAP

    def overtaken(self, last_update_id: int) -> bool:
        """A snapshot is older than what is known, whatever is held."""
        return self.snapshot_seq > last_update_id or (self.synced != 0 and self.snapshot_seq < 0 and self.last_seq > last_update_id)

    def follows(self, first_seq: int, prev_seq: int) -> bool:
        return first_seq <= self.last_seq + 1 if self.spot != 0 else prev_seq == self.last_seq

    def older(self, last_seq: int, last_update_id: int) -> bool:
        """A diff ends before a snapshot does."""
        return last_seq <= last_update_id if self.spot != 0 else last_seq < last_update_id

    def brackets(self, first_seq: int, prev_seq: int, last_update_id: int) -> bool:
        """A diff that is not older than a snapshot joins it."""
        return first_seq <= last_update_id + 1 if self.spot != 0 else min(first_seq, prev_seq) <= last_update_id
