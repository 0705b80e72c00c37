// Documents that stand alone with their signatures: docs/reference/package-format.md, "Documents that stand alone".
import { decrypted } from "./age.mjs";
import { canonical, hasNames, isHex, isObject, need, object, parsed, same, sha256, sha256Hex, signedBy, without } from "./canonical.mjs";
import { checkPlace, checkSealed } from "./package.mjs";

const ROLES = new Map([
  ["headwater-recall", ["operator", "case"]],
  ["headwater-recall-envelope", ["case"]],
  ["headwater-receipt", ["operator", "receiver"]],
  ["headwater-outcomes", ["operator", "receiver"]],
]);
const IDS = new Map([
  ["headwater-recall", ["rcl", "recall_id", "recalled_by"]],
  ["headwater-receipt", ["rct", "receipt_id", "received_by"]],
  ["headwater-outcomes", ["ocf", "outcomes_id", "reported_by"]],
]);

function checkSignatures(document, key) {
  const roles = ROLES.get(document.get("format"));
  const entries = document.get("signatures");
  need(roles !== undefined && document.get("version") === 1, "it is of no known format");
  need(Array.isArray(entries) && entries.length === roles.length, "it is signed by others than it should be");
  const keys = entries.map((entry) => entry.get("public_key"));
  need(new Set(keys).size === keys.length, "two signatures are by one key");
  const digest = sha256Hex(canonical(without(document, "signatures")));
  entries.forEach((entry, number) => {
    const statement = object({ role: roles[number], public_key: keys[number], document_sha256: digest });
    need(hasNames(entry, ["role", "public_key", "signature"]) && entry.get("role") === roles[number], "a signature is of no known form");
    need(signedBy(keys[number], entry.get("signature"), "headwater signed document 1\n", canonical(statement)), "a signature does not hold");
  });
  need(key === null || keys.at(-1) === key, "it was signed by another key");
  return keys;
}

export function checkDocument(content, key = null, only = null) {
  const document = isObject(content) ? content : parsed(content);
  need(only === null || document.get("format") === only, "it is of another format");
  const keys = checkSignatures(document, key);
  need(IDS.has(document.get("format")), "it does not stand alone");
  const [prefix, name, by] = IDS.get(document.get("format"));
  const framed = [["s", Buffer.from("headwater")], ["s", Buffer.from(prefix)], ["b", canonical(without(without(document, name), "signatures"))]];
  const parts = framed.flatMap(([kind, part]) => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(part.length));
    return [Buffer.from(kind), length, part];
  });
  need(document.get(name) === `${prefix}-${sha256(...parts).toString("hex").slice(0, 32)}`, "the id is of other content");
  need(isObject(document.get(by)) && document.get(by).get("public_key") === keys[0], "the operator has another key");
  const receiver = document.get("receiver");
  need(document.get("format") === "headwater-recall" || (isObject(receiver) && receiver.get("public_key") === keys[1]), "the receiver has another key");
  return document;
}

export function checkRecall({ envelope: content, ciphertext, key = null, identity = null }) {
  const envelope = parsed(content);
  need(envelope.get("format") === "headwater-recall-envelope", "it is no envelope of a recall");
  const keys = checkSignatures(envelope, key);
  checkSealed(envelope, ciphertext, "recall");
  checkPlace(envelope.get("sequence"));
  if (identity === null) return;
  const opened = decrypted(ciphertext, identity);
  const notice = checkDocument(opened, key, "headwater-recall");
  need(isHex(envelope.get("recall_sha256")) && envelope.get("recall_sha256") === sha256Hex(opened), "the envelope is of another notice");
  need(notice.get("signatures")[1].get("public_key") === keys[0], "the notice is by another case");
  for (const name of ["recall_id", "country", "recipient", "handling_code", "sequence"]) {
    need(notice.has(name) && envelope.has(name) && same(notice.get(name), envelope.get(name)), `the envelope states another ${name}`);
  }
  const ids = [...notice.get("leads"), ...notice.get("packages")];
  need(["lead", "package"].includes(notice.get("scope")) && ids.length > 0 && ids.every((id) => typeof id === "string"), "it does not say what is recalled");
}
