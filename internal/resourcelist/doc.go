// SPDX-License-Identifier: Apache-2.0

// Package resourcelist reads and writes the KRM ResourceList without touching the bytes of items it does not own.
//
// A function is a guest in somebody else's package: an item that it did not make must leave as it came, with its
// comments, its quoting, its line ends and its place. So a list is not decoded and encoded again. It is cut.
//
// # The cut
//
// The text is divided by lines. A section starts at each line whose first column holds the start of a top-level key;
// the items section is divided again at each dash that stands in the column of the first dash. Comment lines directly
// above a dash go with the item below them. Everything else that is only a comment is a gap and belongs to nobody.
//
// A line says little about YAML: a dash may stand in a quoted text, an alias may point out of its item. So every piece
// is then parsed by itself, and the result is compared, node for node, with a parse of the whole. The cut is taken when
//   - each section by itself is a block mapping of exactly one key,
//   - each item by itself is a block sequence of exactly one mapping,
//   - and keys, items and their number are those of the whole.
//
// # Why pieces may then be moved, replaced and taken away
//
// The YAML scanner runs from left to right. All that it carries from one line to the next is whether it stands in a
// flow collection, a quoted, plain or block scalar, which columns are open, and which anchors were defined. A piece
// that parses by itself has closed its quotes and flow collections before its end. A plain or block scalar ends at a
// line that starts no deeper than the collection it is in, and each piece starts exactly there, at the column of the
// section's key or the item's dash, with a token that neither continues nor answers what came before (':' and '?' in
// the first column are not cut). So are the columns closed. And every alias of a piece found its anchor within the piece,
// where the nearest definition is also the one that counts in the whole, even when an earlier item used the same name.
// So a piece means the same after any other piece: what was proved for each holds for every sequence of them. What
// lies between pieces is comments and blank lines; a gap starts with a comment in the column of the dash or before it,
// which no scalar of an item contains, and blank lines after an item are part of it, since they may be text ("|+").
//
// # The full parser
//
// Lists that do not pass (flow style, JSON, aliases that cross items, quoted text that runs over a boundary, a last
// block scalar whose meaning hangs on the missing final newline) are parsed as a whole, aliases are written out within
// a limit, and the text is written anew in block style. That text then is cut like any other, so there is one way to
// write. Order and meaning stay, layout does not: [List.Cut] and [List.Reason] tell.
//
// No error of this package quotes what it read: a list may hold secrets.
package resourcelist
