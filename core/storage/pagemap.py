"""What every page of an LMDB data file is used for, read as bytes: a file of which all is told.

LMDB believes its own pages. One flipped bit in the list of freed pages makes a later commit write
over a page that holds blocks; one in a branch page ends the process by an assertion, and one in a
leaf by a signal. So before a file is used, all of its trees are walked here, level by level with
numpy: each page must say what the page above says of it, its nodes must fill it without a hole,
and the pages of all trees, of large values and of the free list must cover the file, each once.

A large value costs nothing: its leaf names its pages, and they are not read. Only where values are
replaced (`heads`), the head of each must say as much: LMDB believes it when it frees the pages. Of
what is stored only the order of the keys is looked at; content has digests of its own.
"""

import os
import struct
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import LedgerFault, LedgerForeign

Pages = NDArray[np.int64]  # numbers of pages
Bytes = NDArray[np.uint8]
Keys = NDArray[np.bytes_]  # shorter ones end in zeros, and none of ours ends in one

NO_PAGE = (1 << 64) - 1
METAS = 2  # pages before all others
BRANCH, LEAF, OVERFLOW = 0x01, 0x02, 0x04  # flags of a page at rest: one, and no other bit
INTEGER_KEY = 0x08  # a flag of a database
BIG, NAMED = 0x01, 0x02  # flags of a node: its value has pages of its own; it is a database
HEAD_BYTES = 16  # of a page: number u8, pad u2, flags u2, lower u2, upper u2
NODE_BYTES = 8
DEPTH_MAX = 32  # of LMDB's own stack
TREE = struct.Struct("<IHH5Q")
FREE_LIST, MAIN, FREED = "the free list", "the main database", "freed pages"
# 256 MiB, two tenths of a second: the newest leaves of a tree, which a commit touches and whose
# blocks are asked for. Of the older ones only the place is proved, so that a segment full of
# blocks of single taps (64 GiB of leaves) does not hold up a start for a minute.
LEAVES_MAX = 1 << 16
KEY_BYTES_MAX = 511
PAGES_MAX = 1 << 48  # as LMDB numbers them in a node
PAGES_A_READ = 1 << 11  # 8 MiB at a time


class Tree(NamedTuple):
    """A database as a meta page or a leaf records it."""

    pad: int
    flags: int
    depth: int
    branch_pages: int
    leaf_pages: int
    overflow_pages: int
    entries: int
    root: int


class Nodes(NamedTuple):
    """The nodes of some pages, in the order of their keys; one array a column."""

    at: NDArray[np.int64]  # where a node begins, in bytes of the pages read
    low: NDArray[np.int64]  # 32 bits: bytes of a leaf's value, or the lower part of a child's page
    flags: NDArray[np.int64]
    key_bytes: NDArray[np.int64]
    first: NDArray[np.bool_]  # of its page


class Use(NamedTuple):
    """Runs of pages with one use."""

    name: str
    first: Pages
    pages: Pages  # of each run


class PageMap:
    """A walk over all pages of one commit. `check` raises what is wrong, the first thing found."""

    def __init__(
        self,
        file: int,
        where: str,
        page_bytes: int,
        last_page: int,
        commit: int,
        leaves_max: int = LEAVES_MAX,
        heads: bool = False,
    ) -> None:
        self.file = file
        self.where = where
        self.page_bytes = page_bytes
        self.end = last_page + 1
        self.commit = commit
        self.leaves_max = leaves_max
        self.heads = heads
        self.uses = [Use("the meta pages", np.zeros(1, np.int64), np.full(1, METAS))]
        self.freed_by = 0  # the newest commit that the free list tells of
        self.unread = False  # some old leaves: where large values are, they did not say

    def check(self, free: Tree, main: Tree) -> None:
        """LedgerFault where a page has no use, two, or another than it says; LedgerForeign where
        one in use lies beyond the end of the file."""
        if self.end > PAGES_MAX:
            raise self._fault(f"at most {PAGES_MAX} pages", f"{self.end}")
        self._tree(FREE_LIST, free)
        self._tree(MAIN, main)
        if self.freed_by > self.commit or (self.commit > 2 and self.freed_by != self.commit):
            raise self._fault(
                f"the free list of commit {self.commit}",
                f"freed pages of commit {self.freed_by} as the newest",
                "a meta page is damaged",
            )
        for use in self.uses:
            if len(use.first) and use.name != FREED:
                self._reaches(int((use.first + use.pages).max()))
        if self.unread:
            self._hop()
        self._cover()

    # ---- trees ------------------------------------------------------------------------------

    def _tree(self, name: str, tree: Tree) -> None:
        # No database of ours has flags; what LMDB keeps in the free list's is its page size.
        wanted = (self.page_bytes, INTEGER_KEY) if name == FREE_LIST else (0, 0)
        if (tree.pad, tree.flags) != wanted:
            raise self._fault(f"{name} with flags {wanted}", f"{(tree.pad, tree.flags)}")
        if tree.root == NO_PAGE:
            if any(tree[2:7]):
                raise self._fault(f"nothing in {name}, which has no root", f"counts {tree[2:7]}")
            return
        if not 1 <= tree.depth <= DEPTH_MAX:
            raise self._fault(f"1 to {DEPTH_MAX} levels in {name}", f"{tree.depth}")
        pages = np.array([tree.root], np.uint64).astype(np.int64)
        least: Keys = np.zeros(1, "S1")  # what the branches say of each page: no key is below it
        branches = 0
        for _ in range(tree.depth - 1):
            branches += len(pages)
            pages, least = self._children(name, pages, least)
        self._use(name, pages)
        counts = [tree.branch_pages, tree.leaf_pages, tree.overflow_pages, tree.entries]
        found = [branches, len(pages), *self._leaves(name, pages, least)]
        if found != counts[: len(found)]:
            raise self._fault(
                f"branches, leaves, pages of large values and entries of {name} to be {counts}",
                f"{found}",
            )

    def _children(self, name: str, pages: Pages, least: Keys) -> tuple[Pages, Keys]:
        """The pages one level below some branch pages, and the least key of each, in order."""
        self._use(name, pages)
        below, leasts = [], []
        for part in _parts(len(pages)):
            content = self._read(pages[part])
            # LMDB asserts two keys in a branch page, but for the free list.
            nodes = self._nodes(name, pages[part], content, BRANCH, 1 if name == FREE_LIST else 2)
            below.append(nodes.low | nodes.flags << 32)
            keys = self._keys(name, content, nodes)
            # The first node of a branch has no key that counts: it begins where the page does.
            first = np.flatnonzero(nodes.first)
            own = least[part]
            keys = keys.astype(np.promote_types(keys.dtype, own.dtype))
            keys[first] = own
            leasts.append(keys)
        found = np.concatenate(below)
        if len(np.unique(found)) != len(found):
            raise self._fault(f"each page once in {name}", "one below two branches")
        return found, np.concatenate(leasts)

    def _leaves(self, name: str, pages: Pages, least: Keys) -> list[int]:
        """Read the leaves of a tree; pages of its large values and entries, [] if not of all."""
        unread = len(pages) - self.leaves_max
        if unread > 0 and name != FREE_LIST:
            pages, least = pages[unread:], least[unread:]
            self.unread = True
        entries = overflow = 0
        before: Keys = np.zeros(0, "S1")  # the last key of the leaves read so far
        for part in _parts(len(pages)):
            content = self._read(pages[part])
            nodes = self._nodes(name, pages[part], content, LEAF, 1)
            before = self._ordered(name, pages[part], content, nodes, least[part], before)
            overflow += self._large(name, content, nodes)
            entries += len(nodes.at)
            if name == FREE_LIST:
                self._freed(content, nodes)
            elif name == MAIN:
                self._named(content, nodes)
        return [] if unread > 0 and name != FREE_LIST else [overflow, entries]

    def _keys(self, name: str, content: Bytes, nodes: Nodes) -> Keys:
        width = max(1, int(nodes.key_bytes.max()))
        if width > KEY_BYTES_MAX:
            raise self._fault(f"keys of at most {KEY_BYTES_MAX} bytes in {name}", f"{width}")
        flat = content.reshape(-1)
        column = np.arange(width)
        at = np.minimum(nodes.at[:, None] + NODE_BYTES + column, len(flat) - 1)
        found = np.where(column < nodes.key_bytes[:, None], flat[at], np.uint8(0))
        if name == FREE_LIST:  # little-endian numbers
            found = found[:, ::-1]
        return np.ascontiguousarray(found).view(f"S{width}")[:, 0]

    def _ordered(
        self, name: str, pages: Pages, content: Bytes, nodes: Nodes, least: Keys, before: Keys
    ) -> Keys:
        """Keys ascend through the leaves, and are where the branches lead to; the last key."""
        keys = self._keys(name, content, nodes)
        first = np.flatnonzero(nodes.first)
        rows = np.cumsum(nodes.first) - 1
        self._each(name, pages[rows[1:]], keys[1:] > keys[:-1], "keys in order")
        self._each(name, pages, keys[first] >= least, "the keys its branch names")
        ends = np.concatenate([before, keys[first[1:] - 1]])
        self._each(name, pages[-len(ends) :], least[-len(ends) :] > ends, "keys after the others")
        return keys[-1:]

    def _large(self, name: str, content: Bytes, nodes: Nodes) -> int:
        """Note the pages of values that do not fit a leaf; how many pages that is."""
        big = np.flatnonzero(nodes.flags & BIG)
        if len(big) == 0:
            return 0
        at = nodes.at[big] + NODE_BYTES + nodes.key_bytes[big]
        first = content.reshape(-1)[at[:, None] + np.arange(8)].view("<u8")[:, 0].astype(np.int64)
        count = -(-(HEAD_BYTES + nodes.low[big]) // self.page_bytes)
        self._use(f"large values of {name}", first, count)
        if self.heads:
            for page, pages in zip(first.tolist(), count.tolist(), strict=True):
                own = self._head(page)
                if own != (page, OVERFLOW, pages):
                    raise self._fault(
                        f"a large value at page {page} of {pages} pages",
                        f"page {own[0]} of {own[2]} with flags {own[1]}",
                        "a write could overwrite what is stored",
                    )
        return int(count.sum())

    def _head(self, page: int) -> tuple[int, int, int]:
        """Number, flags and pages of a large value, as its first page says."""
        head = os.pread(self.file, HEAD_BYTES, page * self.page_bytes)
        number, flags, pages = struct.unpack("<Q2xHI", head.ljust(HEAD_BYTES, b"\0"))
        return number, flags, pages

    def _named(self, content: Bytes, nodes: Nodes) -> None:
        flat = content.reshape(-1)
        for i in np.flatnonzero(nodes.flags == NAMED):
            at = int(nodes.at[i]) + NODE_BYTES
            end = at + int(nodes.key_bytes[i])
            name = flat[at:end].tobytes().decode("ascii", "backslashreplace")
            if int(nodes.low[i]) != TREE.size:
                raise self._fault(f"{TREE.size} bytes of database {name}", f"{nodes.low[i]}")
            self._tree(f"database {name}", Tree(*TREE.unpack_from(flat[end:].data)))

    def _freed(self, content: Bytes, nodes: Nodes) -> None:
        """The records of the free list: the number of a commit, and the pages it freed."""
        flat = content.reshape(-1)
        for i in range(len(nodes.at)):
            at = int(nodes.at[i]) + NODE_BYTES
            if nodes.key_bytes[i] != 8:
                raise self._fault("commits of 8 bytes in the free list", f"{nodes.key_bytes[i]}")
            commit = int.from_bytes(flat[at : at + 8].tobytes(), "little")
            if not self.freed_by < commit <= self.commit:
                raise self._fault(
                    f"commits in order up to {self.commit} in the free list",
                    f"{commit} after {self.freed_by}",
                )
            self.freed_by = commit
            size = int(nodes.low[i])
            value = flat[at + 8 : at + 8 + size].tobytes()
            if nodes.flags[i] & BIG:
                (first,) = struct.unpack_from("<Q", value)
                value = os.pread(self.file, size, first * self.page_bytes + HEAD_BYTES)
            self._freed_by(commit, np.frombuffer(value[: len(value) // 8 * 8], "<u8"), size)

    def _freed_by(self, commit: int, value: NDArray[np.uint64], size: int) -> None:
        count = 0 if len(value) == 0 else int(value[0])
        if 8 * (count + 1) != size or len(value) != count + 1:
            raise self._fault(
                f"the count and pages of commit {commit} in the free list",
                f"{count} pages in {size} bytes",
            )
        pages = value[1:]
        if (pages[1:] >= pages[:-1]).any():
            raise self._fault(f"pages in descending order, freed by commit {commit}", "others")
        self._use(FREED, pages.astype(np.int64))

    # ---- pages ------------------------------------------------------------------------------

    def _read(self, pages: Pages) -> Bytes:
        """Their bytes, a row a page; runs of neighbours are read at once."""
        content = np.empty((len(pages), self.page_bytes), np.uint8)
        cuts = np.flatnonzero(np.diff(pages) != 1) + 1
        bounds = [0, *cuts.tolist(), len(pages)]
        for start, end in pairwise(bounds):
            first = int(pages[start])
            room = content[start:end].reshape(-1)
            if os.preadv(self.file, [room.data], first * self.page_bytes) != len(room):
                raise self._short(first + end - start)
        return content

    def _nodes(self, name: str, pages: Pages, content: Bytes, kind: int, nodes_min: int) -> Nodes:
        """The nodes of pages, which must be of a kind and filled by their nodes without a hole.

        (A hole, or a bound that lies, is where the next commit would write over a node.)
        """
        words = content.view("<u2")
        own = content[:, :8].copy().view("<u8")[:, 0].astype(np.int64)
        flags, lower, upper = (words[:, column].astype(np.int64) for column in (5, 6, 7))
        counts = (lower - HEAD_BYTES) >> 1
        self._each(name, pages, own == pages, "its own number")
        self._each(name, pages, flags == kind, f"flags {kind}")
        sound = (counts >= nodes_min) & (lower % 2 == 0) & (lower <= upper)
        self._each(name, pages, sound & (upper <= self.page_bytes), "sound bounds")
        row = np.repeat(np.arange(len(pages)), counts)
        nth = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
        start = words[row, HEAD_BYTES // 2 + nth].astype(np.int64)
        self._each(
            name,
            pages[row],
            (start % 2 == 0) & (start >= upper[row]) & (start + NODE_BYTES <= self.page_bytes),
            "its nodes inside it",
        )
        at = row * self.page_bytes + start
        heads = words.reshape(-1)[(at // 2)[:, None] + np.arange(4)].astype(np.int64)
        low = heads[:, 0] | heads[:, 1] << 16
        node_flags, key_bytes = heads[:, 2], heads[:, 3]
        if kind == BRANCH:
            size = NODE_BYTES + key_bytes
        else:
            known = (0, BIG, NAMED) if name == MAIN else (0, BIG)
            self._each(name, pages[row], np.isin(node_flags, known), "nodes of known flags")
            size = NODE_BYTES + key_bytes + np.where(node_flags & BIG, 8, low)
        self._filled(name, pages, at, size + size % 2, upper)
        return Nodes(at, low, node_flags, key_bytes, nth == 0)

    def _filled(
        self,
        name: str,
        pages: Pages,
        at: NDArray[np.int64],
        size: NDArray[np.int64],
        upper: NDArray[np.int64],
    ) -> None:
        order = np.argsort(at, kind="stable")
        at, end = at[order], (at + size)[order]
        row = at // self.page_bytes
        first = np.concatenate([[True], row[1:] != row[:-1]])
        last = np.concatenate([first[1:], [True]])
        wanted = np.where(last, (row + 1) * self.page_bytes, np.concatenate([at[1:], [0]]))
        lies = (end != wanted) | (first & (at % self.page_bytes != upper[row]))
        self._each(name, pages[row], ~lies, "nodes that fill it one after another")

    def _each(self, name: str, pages: Pages, sound: NDArray[np.bool_], wanted: str) -> None:
        if not sound.all():
            page = pages[np.flatnonzero(~sound)[0]]
            raise self._fault(f"page {page} of {name} with {wanted}", "another")

    def _use(self, name: str, first: Pages, count: Pages | None = None) -> None:
        """Note a use of pages; they must be pages of the file."""
        count = np.ones(len(first), np.int64) if count is None else count
        wrong = np.flatnonzero((first < METAS) | (first > self.end - count))
        if len(wrong):
            raise self._fault(
                f"pages {METAS} to {self.end - 1} in {name}", f"page {first[wrong[0]]}"
            )
        self.uses.append(Use(name, first, count))

    def _reaches(self, end: int) -> None:
        # Pages at the very end may be free and never written.
        if end * self.page_bytes > os.fstat(self.file).st_size:
            raise self._short(end)

    # ---- all of them ------------------------------------------------------------------------

    def _cover(self) -> None:
        """Every page has exactly one use; a page that is free and in use is the worst of all."""
        first, pages, use = self._sorted()
        end = first + pages
        twice = np.flatnonzero(first[1:] < end[:-1])
        if len(twice):
            i = int(twice[0])
            names = sorted({self.uses[use[i]].name, self.uses[use[i + 1]].name})
            raise self._fault(
                "one use of every page",
                f"page {first[i + 1]} in {' and in '.join(names)}",
                "a write could overwrite what is stored",
            )
        none = np.flatnonzero(np.append(first[1:], self.end) != end)
        if len(none):
            raise self._fault("a use of every page", f"none of page {end[none[0]]}")

    def _sorted(self) -> tuple[Pages, Pages, Pages]:
        """First pages, counts and uses (by number) of all runs, in order of the pages."""
        first = np.concatenate([use.first for use in self.uses])
        pages = np.concatenate([use.pages for use in self.uses])
        number = np.repeat(np.arange(len(self.uses)), [len(use.first) for use in self.uses])
        order = np.argsort(first, kind="stable")
        return first[order], pages[order], number[order]

    def _hop(self) -> None:
        """Where old leaves were not read, the large values tell their own places.

        What is between pages of known use must be values that follow one another to the next
        such page, each with a head that says how many pages it has.
        """
        first, pages, _ = self._sorted()
        holes = np.column_stack([first + pages, np.append(first[1:], self.end)])
        found = []
        for page, end in holes[holes[:, 0] < holes[:, 1]].tolist():
            while page < end:
                own, flags, run = self._head(page)
                if (own, flags) != (page, OVERFLOW) or not 0 < run <= end - page:
                    raise self._fault(
                        f"pages {page} to {end - 1} to hold large values and no other",
                        f"page {own} of {run} with flags {flags}",
                        "a write could overwrite what is stored",
                    )
                found.append((page, run))
                page += run
        runs = np.array(found, np.int64).reshape(-1, 2)
        self._use("large values", runs[:, 0], runs[:, 1])
        if len(runs):
            self._reaches(int(runs[-1].sum()))

    # ---- words ------------------------------------------------------------------------------

    def _fault(self, wanted: str, found: str, why: str = "a page is damaged") -> LedgerFault:
        return LedgerFault(
            f"{self.where}: expected {wanted}, found {found}: {why}; restore the file from a backup"
        )

    def _short(self, end: int) -> LedgerForeign:
        size = os.fstat(self.file).st_size
        return LedgerForeign(
            f"{self.where}: expected {end * self.page_bytes} bytes, found {size}: it was cut "
            "short; restore it from a backup"
        )


def _parts(count: int) -> list[slice]:
    return [slice(at, at + PAGES_A_READ) for at in range(0, count, PAGES_A_READ)]
