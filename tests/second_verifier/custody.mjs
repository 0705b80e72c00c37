// A custody log: docs/reference/custody-format.md.
import { checkWitness } from "./witnesses.mjs";
import { canonical, hasNames, isCount, isHex, isObject, need, object, parsed, same, sha256, sha256Hex, signedBy, without, Bad } from "./canonical.mjs";

const OPERATIONS = {
  acquired: "collection", received: "collection",
  mapped: "alteration", judged: "alteration", corrected: "alteration", recalled: "alteration",
  opened: "consultation", consulted: "consultation",
  exported: "disclosure", transferred: "disclosure",
  matched: "combination", combined: "combination",
  erased: "erasure",
};
const EVENTS = [...Object.keys(OPERATIONS), "created", "verified", "parsed", "failed", "repaired"];
const SHARED = [
  "format", "seq", "prev_hash", "event", "at_utc", "actor", "role", "workstation", "authority_ref", "object_ids", "tool",
  "tool_version", "params_sha256", "input_digests", "output_digests", "outcome", "signature",
];
const NAMES = {
  1: [...SHARED, "justification"],
  2: [...SHARED, "clock_source", "operation", "recipient", "tool_sha256", "payload_sha256"],
};
const TEXTS = [
  "event", "actor", "role", "workstation", "authority_ref", "tool", "tool_version", "outcome", "justification",
  "clock_source", "operation", "recipient", "tool_sha256",
];

export function linesOf(content) {
  const lines = [];
  let start = 0;
  for (let end = content.indexOf(10); end >= 0; end = content.indexOf(10, start)) {
    lines.push(content.subarray(start, end));
    start = end + 1;
  }
  need(start === content.length, "the last line has no end");
  return lines;
}

export function entryOf(line) {
  const entry = parsed(line);
  const format = entry.get("format");
  need((format === 1 || format === 2) && hasNames(entry, NAMES[format]), "it is no entry of format 1 or 2");
  need(TEXTS.every((name) => !entry.has(name) || typeof entry.get(name) === "string"), "a text is none");
  need(isCount(entry.get("seq")), "seq is no count");
  const [event, outcome] = [entry.get("event"), entry.get("outcome")];
  need(EVENTS.includes(event), "the event is not in the vocabulary");
  need(format === 1 ? /^(?:done|(?:refused|failed): [^]+)$/.test(outcome) : ["done", "refused", "failed"].includes(outcome), "the outcome is of no known form");
  const ids = entry.get("object_ids");
  need(Array.isArray(ids) && ids.every((id) => typeof id === "string"), "object_ids is no list of texts");
  for (const name of ["input_digests", "output_digests"]) {
    const digests = entry.get(name);
    need(isObject(digests) && [...digests.values()].every((digest) => isHex(digest)), `${name} holds what is no digest`);
  }
  need(isHex(entry.get("prev_hash")) && isHex(entry.get("params_sha256")), "a digest is none");
  need(isHex(entry.get("signature"), 128), "the signature is none");
  checkTime(entry);
  if (format === 2) checkSecond(entry, event, outcome);
  return entry;
}

function checkSecond(entry, event, outcome) {
  const operation = entry.get("operation");
  const allowed = event === "failed" ? ["", ...Object.values(OPERATIONS)] : [OPERATIONS[event] ?? ""];
  need(allowed.includes(operation), "the operation is not that of the event");
  need(operation === "" || entry.get("actor").trim() !== "", "an operation by nobody");
  need(operation !== "disclosure" || outcome !== "done" || entry.get("recipient").trim() !== "", "a disclosure to nobody");
  need(isHex(entry.get("payload_sha256")), "payload_sha256 is no digest");
  need(entry.get("tool_sha256") === "" || isHex(entry.get("tool_sha256")), "tool_sha256 is no digest");
}

export function headOf(head) {
  need(hasNames(head, ["format", "entries", "root", "at_utc", "signature"]) && head.get("format") === 1, "it is no tree head");
  need(isCount(head.get("entries")) && isHex(head.get("root")) && isHex(head.get("signature"), 128), "it is no tree head");
  checkTime(head);
  return head;
}

function checkTime(value) {
  const text = value.get("at_utc");
  need(typeof text === "string", "at_utc is no time");
  need(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(text) && !text.includes("\n"), "at_utc is no time");
}

export const entrySigned = (entry, key) =>
  signedBy(key, entry.get("signature"), `headwater custody entry ${entry.get("format")}\n`, canonical(without(entry, "signature")));
export const headSigned = (head, key) =>
  signedBy(key, head.get("signature"), "headwater custody tree head 1\n", canonical(without(head, "signature")));

export const leafOf = (line) => sha256(Buffer.of(0), line);
export const nodeOf = (left, right) => sha256(Buffer.of(1), left, right);

// RFC 9162, section 2.1.1, word by word; remembered for whole subtrees, which growth never changes.
function rootOf(leaves, start, end, known) {
  if (end === start) return sha256(Buffer.alloc(0));
  if (end - start === 1) return leaves[start];
  const name = `${start}-${end}`;
  if (known.has(name)) return known.get(name);
  let split = 1;
  while (split * 2 < end - start) split *= 2;
  const root = nodeOf(rootOf(leaves, start, start + split, known), rootOf(leaves, start + split, end, known));
  if ((end - start) === split * 2) known.set(name, root);
  return root;
}

// Throws where a check of the specification fails; says nothing where all hold.
export function checkLog({ log, heads, payloads, key, witnesses = [], stamps = Buffer.alloc(0) }) {
  const lines = linesOf(log);
  need(lines.length > 0, "the log holds no entry");
  const entries = lines.map(entryOf);
  let [before, newest] = ["0".repeat(64), 0];
  entries.forEach((entry, number) => {
    need(entry.get("seq") === number && entry.get("prev_hash") === before, `entry ${number} does not follow`);
    need(entry.get("format") >= newest, `entry ${number} is of an older format`);
    need((entry.get("event") === "created") === (number === 0), "a log begins with created, once");
    need(entrySigned(entry, key), `entry ${number}: the signature does not hold`);
    [before, newest] = [sha256Hex(lines[number]), entry.get("format")];
  });
  need(entries[0].get("input_digests").get("signing_key") === sha256Hex(Buffer.from(key, "hex")), "another key began it");
  const leaves = lines.map(leafOf);
  const known = new Map();
  const roots = leaves.map((_, number) => rootOf(leaves, 0, number + 1, known).toString("hex"));
  const stated = linesOf(heads).map((line) => headOf(parsed(line)));
  need(stated.length === entries.length, "there is not one head for each entry");
  stated.forEach((head, number) => {
    need(head.get("entries") === number + 1 && head.get("root") === roots[number], `tree head ${number} is of another log`);
    need(headSigned(head, key), `tree head ${number}: the signature does not hold`);
  });
  checkPayloads(linesOf(payloads), entries);
  linesOf(stamps).forEach((line) => checkWitness(line, linesOf(heads)));
  for (const [count, root] of witnesses) {
    need(count >= 1 && count <= roots.length && roots[count - 1] === root, `the witness of ${count} entries saw another log`);
  }
}

function checkPayloads(lines, entries) {
  const erased = new Map();
  for (const entry of entries) {
    if (entry.get("event") !== "erased" || entry.get("outcome") !== "done") continue;
    for (const id of entry.get("object_ids")) {
      const found = /^entry-(0|[1-9][0-9]*)$/.exec(id);
      if (found && !id.includes("\n") && !erased.has(Number(found[1]))) erased.set(Number(found[1]), entry.get("seq"));
    }
  }
  const committed = entries.filter((entry) => entry.get("format") === 2);
  need(lines.length === committed.length, "there is not one payload for each entry of format 2");
  lines.forEach((line, number) => {
    const seq = committed[number].get("seq");
    if (erased.has(seq)) {
      need(line.equals(canonical(object({ format: 2, seq, erased_by: erased.get(seq) }))), `entry ${seq} was erased, and is there`);
    } else {
      checkPayload(line, committed[number]);
    }
  });
}

export function checkPayload(line, entry) {
  const payload = parsed(line);
  if (payload.has("sealed")) checkSealed(line, payload, entry);
  else checkOpening(line, entry, entry.get("payload_sha256"));
}

function checkSealed(line, payload, entry) {
  need(hasNames(payload, ["format", "seq", "keys", "salt", "sealed", "opening_sha256"]), "it is no sealed opening");
  need(sha256Hex("headwater custody payload 3\n", line) === entry.get("payload_sha256"), "the entry commits to another");
  need(payload.get("format") === 3 && same(payload.get("seq"), entry.get("seq")), "it is of another entry");
  const [keys, sealed] = [payload.get("keys"), payload.get("sealed")];
  need(Array.isArray(keys) && keys.length > 0, "it names no key");
  need(keys.every((key, n) => typeof key === "string" && /^key-[0-9a-f]{32}$/.test(key) && !key.includes("\n") && (n === 0 || keys[n - 1] < key)), "its keys are not in order");
  need(typeof sealed === "string" && /^(?:[0-9a-f]{2})+$/.test(sealed) && !sealed.includes("\n"), "the sealed text is none");
  need(isHex(payload.get("salt")) && isHex(payload.get("opening_sha256")), "a digest is none");
}

// What a proof shows of a payload: of a sealed one, also the opening.
export function checkShown(shown, entry) {
  const payload = without(shown, "opening");
  checkPayload(canonical(payload), entry);
  need(payload.has("sealed") === shown.has("opening"), "a sealed line without its opening, or an opening of none");
  if (!shown.has("opening")) return;
  need(isObject(shown.get("opening")), "its opening is none");
  checkOpening(canonical(shown.get("opening")), entry, payload.get("opening_sha256"));
}

function checkOpening(line, entry, commitment) {
  const opening = parsed(line);
  need(hasNames(opening, ["format", "seq", "salt", "justification", "reason"]), "it is no opening");
  need(sha256Hex("headwater custody payload 2\n", line) === commitment, "the entry commits to another");
  need(opening.get("format") === 2 && same(opening.get("seq"), entry.get("seq")), "it is of another entry");
  const [justification, reason] = [opening.get("justification"), opening.get("reason")];
  need(typeof justification === "string" && typeof reason === "string", "a text is none");
  need((entry.get("outcome") === "done") === (reason === ""), "a reason is missing, or one too many");
  need(entry.get("operation") === "" || justification.trim() !== "", "an operation without a justification");
}

// A proof, or the receipt of an erasure, which holds one.
export function checkProofOrErasure(content, key = null) {
  need(content.at(-1) === 10, "it does not end with a line feed");
  const receipt = parsed(content.subarray(0, -1));
  if (receipt.get("format") !== "headwater-erasure-receipt") return checkProof(content, key);
  need(hasNames(receipt, ["format", "version", "body", "proof"]) && receipt.get("version") === 1, "it is no receipt");
  const [body, proof] = [receipt.get("body"), receipt.get("proof")];
  const names = ["subject", "legal_basis", "erased_by", "keys", "texts", "entries", "judgements", "left", "withheld"];
  need(isObject(body) && hasNames(body, names) && isObject(proof) && proof.has("entry"), "it is no receipt");
  checkProof(Buffer.concat([canonical(proof), Buffer.of(10)]), key);
  const entry = proof.get("entry");
  need(entry.get("event") === "erased" && entry.get("outcome") === "done", "its entry erased nothing");
  need(entry.get("output_digests").get("receipt") === sha256Hex(canonical(body)), "it is not what was recorded");
  const named = [`subject-${body.get("subject")}`, ...body.get("keys"), ...body.get("entries").map((seq) => `entry-${seq}`)];
  need(new Set([...named, ...entry.get("object_ids")]).size === new Set(named).size, "something else was ordered");
  need(new Set(entry.get("object_ids")).size === new Set(named).size, "something else was ordered");
}

// RFC 9162, sections 2.1.3.2 and 2.1.4.2.
export function checkProof(content, key = null) {
  need(content.at(-1) === 10, "it does not end with a line feed");
  const proof = parsed(content.subarray(0, -1));
  const shared = ["format", "version", "public_key", "head", "path"];
  const inclusion = proof.get("format") === "headwater-inclusion-proof";
  need(inclusion || proof.get("format") === "headwater-consistency-proof", "it is no proof");
  need(hasNames(proof, [...shared, ...(inclusion ? ["entry", "payload"] : ["first"])]), "it is no proof");
  need(proof.get("version") === 1 && isHex(proof.get("public_key")), "it is no proof of version 1");
  need(key === null || proof.get("public_key") === key, "it is of another key");
  const path = proof.get("path");
  need(Array.isArray(path) && path.every((digest) => isHex(digest)), "the path is none");
  need(isObject(proof.get("head")), "the head is none");
  const head = headOf(proof.get("head"));
  need(headSigned(head, proof.get("public_key")), "the head's signature does not hold");
  const siblings = path.map((digest) => Buffer.from(digest, "hex"));
  if (inclusion) checkInclusion(proof, head, siblings);
  else checkGrowth(proof.get("first"), head, siblings);
}

function checkInclusion(proof, head, path) {
  need(isObject(proof.get("entry")), "the entry is none");
  const line = canonical(proof.get("entry"));
  const entry = entryOf(line);
  need(entrySigned(entry, proof.get("public_key")), "the entry's signature does not hold");
  if (proof.get("payload") !== null) {
    need(isObject(proof.get("payload")) && entry.get("format") === 2, "the payload is none");
    checkShown(proof.get("payload"), entry);
  }
  checkPath(entry.get("seq"), leafOf(line), path, head);
}

export function checkPath(seq, leaf, path, head) {
  let [number, last, root] = [seq, head.get("entries") - 1, leaf];
  need(number <= last, "the entry is beyond the head");
  for (const sibling of path) {
    need(last !== 0, "the path is too long");
    if (number % 2 === 1 || number === last) {
      root = nodeOf(sibling, root);
      while (number % 2 === 0 && number !== 0) [number, last] = [number / 2, Math.floor(last / 2)];
    } else {
      root = nodeOf(root, sibling);
    }
    [number, last] = [Math.floor(number / 2), Math.floor(last / 2)];
  }
  need(last === 0 && root.toString("hex") === head.get("root"), "the entry is not in that log");
}

function checkGrowth(first, head, path) {
  need(hasNames(first, ["entries", "root"]) && isCount(first.get("entries")) && isHex(first.get("root")), "first is none");
  const [count, size] = [first.get("entries"), head.get("entries")];
  need(count >= 1 && count <= size, "the shorter log is longer");
  if (count === size) {
    need(path.length === 0 && first.get("root") === head.get("root"), "they are two logs");
    return;
  }
  need(path.length > 0, "the path is empty");
  const digests = (count & (count - 1)) === 0 ? [Buffer.from(first.get("root"), "hex"), ...path] : path;
  let [number, last] = [count - 1, size - 1];
  while (number % 2 === 1) [number, last] = [(number - 1) / 2, Math.floor(last / 2)];
  let [smaller, larger] = [digests[0], digests[0]];
  for (const digest of digests.slice(1)) {
    need(last !== 0, "the path is too long");
    if (number % 2 === 1 || number === last) {
      [smaller, larger] = [nodeOf(digest, smaller), nodeOf(digest, larger)];
      while (number % 2 === 0 && number !== 0) [number, last] = [number / 2, Math.floor(last / 2)];
    } else {
      larger = nodeOf(larger, digest);
    }
    [number, last] = [Math.floor(number / 2), Math.floor(last / 2)];
  }
  const holds = smaller.toString("hex") === first.get("root") && larger.toString("hex") === head.get("root");
  need(last === 0 && holds, "the shorter log is not the beginning of the longer one");
}

export { Bad };
