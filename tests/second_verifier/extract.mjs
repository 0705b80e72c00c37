// An extract of a custody log: docs/reference/custody-format.md, "An extract".
import { canonical, hasNames, isCount, isHex, isObject, need, parsed, same } from "./canonical.mjs";
import { checkPath, checkShown, entryOf, entrySigned, headOf, headSigned, leafOf } from "./custody.mjs";

const ROW = ["seq", "path", "leaf", "entry", "payload", "erased_by", "withheld"];
const PIECE = 256;

export function checkExtract(content, key = null, later = null) {
  const extract = parsed(content);
  need(hasNames(extract, ["format", "version", "public_key", "head", "entries"]), "it is no extract");
  need(extract.get("format") === "headwater-custody-extract" && extract.get("version") === 1, "it is no extract of version 1");
  need(isHex(extract.get("public_key")) && isObject(extract.get("head")), "its key or its head is none");
  const head = headOf(extract.get("head"));
  const rows = extract.get("entries");
  need(Array.isArray(rows) && rows.length > 0, "it shows nothing");
  rows.reduce((last, row) => {
    need(hasNames(row, ROW) && isCount(row.get("seq")) && row.get("seq") > last, "its entries are not in order");
    checkState(row);
    return row.get("seq");
  }, -1);
  need(key === null || extract.get("public_key") === key, "it is of another key");
  need(headSigned(head, extract.get("public_key")), "the head's signature does not hold");
  if (later !== null) {
    const [now, then] = [head.get("entries"), later.get("entries")];
    need(then > now || (same(then, now) && later.get("root") === head.get("root")), "the envelope's head is of another log");
  }
  const shown = new Map(rows.map((row) => [row.get("seq"), row.get("entry")]));
  for (const row of rows) {
    const entry = row.get("entry");
    const leaf = entry === null ? Buffer.from(row.get("leaf"), "hex") : leafOf(canonical(entry));
    checkPath(row.get("seq"), leaf, row.get("path").map((digest) => Buffer.from(digest, "hex")), head);
    need(entry === null || entrySigned(entry, extract.get("public_key")), "an entry's signature does not hold");
    if (row.get("payload") !== null) checkShown(joined(row.get("payload")), entry);
    if (row.get("erased_by") !== null) checkErased(row, shown);
  }
}

// What is given and what is withheld: one of each entry's parts, and never two.
function checkState(row) {
  const [entry, withheld] = [row.get("entry"), row.get("withheld")];
  need(typeof withheld === "string" && Array.isArray(row.get("path")) && row.get("path").every((one) => isHex(one)), "a path is none");
  if (entry === null) {
    const nothing = row.get("payload") === null && row.get("erased_by") === null;
    need(nothing && isHex(row.get("leaf")) && withheld.trim() !== "", "a withheld entry has no leaf or no reason");
    return;
  }
  need(isObject(entry) && row.get("leaf") === null, "an entry is none");
  const read = entryOf(canonical(entry));
  need(same(read.get("seq"), row.get("seq")), "it is another entry");
  const said = [row.get("payload") !== null, row.get("erased_by") !== null, withheld !== ""].filter(Boolean).length;
  need(said === (read.get("format") === 2 ? 1 : 0), "its texts are given and withheld, or neither");
}

function checkErased(row, shown) {
  const order = shown.get(row.get("erased_by"));
  need(isObject(order) && order.get("event") === "erased" && order.get("outcome") === "done", "the order to erase is not there");
  const ids = order.get("object_ids");
  const keys = ids.some((id) => /^key-[0-9a-f]{32}$/.test(id) && !id.includes("\n"));
  need(keys || ids.includes(`entry-${row.get("seq")}`), "the order erased something else");
}

// The digits of a sealed text come in pieces of one length; what is left is part of the last one.
function joined(payload) {
  need(isObject(payload), "a payload is none");
  if (!payload.has("sealed")) return payload;
  const pieces = payload.get("sealed");
  need(Array.isArray(pieces) && pieces.length > 0 && pieces.every((piece) => typeof piece === "string"), "it is not in pieces");
  need(pieces.slice(0, -1).every((piece) => piece.length === PIECE), "a piece has another length");
  const last = pieces.at(-1).length;
  need(pieces.length === 1 ? last < 2 * PIECE : last >= PIECE && last < 2 * PIECE, "the last piece has another length");
  return new Map([...payload, ["sealed", pieces.join("")]]);
}
