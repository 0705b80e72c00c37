// A package: docs/reference/package-format.md.
import { bech32, decrypted, headerOf } from "./age.mjs";
import { canonical, hasNames, isObject, need, object, parsed, same, sha256, sha256Hex, signedBy, without } from "./canonical.mjs";
import { checkExtract } from "./extract.mjs";

const ROLES = ["author", "approver", "case"];
const SIGNED = ["manifest.json", "approval.json", "signatures.json"];

function document(content, format) {
  need(content !== undefined, `${format} is missing`);
  const value = parsed(content);
  need(value.get("format") === format && [1, 2, 3].includes(value.get("version")), `it is no ${format} of version 1, 2 or 3`);
  return value;
}

const text = (value) => {
  need(typeof value === "string", "a text is missing");
  return value;
};
const list = (value) => {
  need(Array.isArray(value) && value.every(isObject), "a list is missing");
  return value;
};
const part = (value, name) => {
  need(isObject(value.get(name)), `${name} is missing`);
  return value.get(name);
};
const folded = (name) => text(name).trim().toLowerCase();

function checkSigners(signed) {
  const entries = list(signed.get("signatures"));
  need(entries.length === 3, "there are not three signatures");
  const keys = entries.map((entry) => entry.get("public_key"));
  need(new Set(keys).size === 3, "two signatures are by one key");
  entries.forEach((entry, number) => {
    const role = ROLES[number];
    need(hasNames(entry, ["role", "public_key", "signature"]) && entry.get("role") === role, "a signature is of no known form");
    const statement = object({
      role,
      public_key: text(keys[number]),
      package_id: text(signed.get("package_id")),
      manifest_sha256: text(signed.get("manifest_sha256")),
      approval_sha256: role === "author" ? null : text(signed.get("approval_sha256")),
      vouches_for: role === "case" ? keys.slice(0, 2) : [],
    });
    need(signedBy(keys[number], entry.get("signature"), `headwater package signature ${signed.get("version")}\n`, canonical(statement)), `the ${role}'s signature does not hold`);
  });
}

function checkKey(signed, key) {
  need(key === null || list(signed.get("signatures"))[2].get("public_key") === key, "it was signed by another key");
}

export function checkEnvelope({ envelope: content, ciphertext, key = null, identity = null }) {
  const envelope = document(content, "headwater-envelope");
  checkSigners(envelope);
  checkKey(envelope, key);
  const caseKey = envelope.get("signatures")[2].get("public_key");
  need(signedBy(caseKey, envelope.get("signature"), `headwater package envelope ${envelope.get("version")}\n`, canonical(without(envelope, "signature"))), "the envelope's signature does not hold");
  checkSealed(envelope, ciphertext, "package");
  if (identity !== null) checkContents({ files: membersOf(decrypted(ciphertext, identity)), key, envelope: content });
}

const withAge = (signed) => !text(signed.get("recipient")).startsWith("openpgp:");

function checkRecipient(signed) {
  if (withAge(signed)) bech32(text(signed.get("recipient")), "age");
  else need(/^openpgp:([0-9a-f]{40}|[0-9a-f]{64})$/.test(signed.get("recipient")) && !signed.get("recipient").includes("\n"), "the recipient is no fingerprint");
}

export function checkSealed(envelope, ciphertext, what) {
  const name = `${what}.${withAge(envelope) ? "age" : "pgp"}`;
  const stated = object({ name, size_bytes: ciphertext.length, sha256: sha256Hex(ciphertext) });
  need(same(part(envelope, "ciphertext"), stated), `${name} is another file`);
  need(!withAge(envelope) || headerOf(ciphertext).stanzas.some(({ words }) => words[0] === "X25519"), `${name} is for no X25519 recipient`);
  checkRecipient(envelope);
}

export function checkContents({ files, key = null, envelope = null }) {
  const [manifest, approval, signatures] = ["package", "approval", "signatures"].map((kind, number) =>
    document(files.get(SIGNED[number]), `headwater-${kind}`),
  );
  need(approval.get("version") === manifest.get("version") && signatures.get("version") === manifest.get("version"), "the documents are of several versions");
  checkTerms(manifest);
  const id = packageId(manifest);
  for (const one of [manifest, approval, signatures]) need(one.get("package_id") === id, "the id is not that of the content");
  checkFiles(manifest, files);
  for (const name of ["manifest", "approval"]) {
    need(signatures.get(`${name}_sha256`) === sha256Hex(files.get(`${name}.json`)), `${name}.json is not the one that was signed`);
  }
  need(approval.get("manifest_sha256") === signatures.get("manifest_sha256"), "another manifest was approved");
  checkSigners(signatures);
  checkKey(signatures, key);
  checkPeople(manifest, approval, signatures);
  checkLeads(manifest, approval, files);
  checkRecipient(manifest);
  if (envelope !== null) {
    const outside = document(envelope, "headwater-envelope");
    const agree = (inside, names) => names.every((name) => inside.has(name) && outside.has(name) && same(inside.get(name), outside.get(name)));
    need(agree(manifest, ["version", "package_id", "country", "recipient", "handling_code", ...(manifest.get("version") === 1 ? [] : ["sequence"])]), "the envelope is of another package");
    need(agree(signatures, ["manifest_sha256", "approval_sha256", "signatures"]), "the envelope is of another package");
  }
  if (manifest.get("version") < 3) return;
  const later = envelope === null ? null : document(envelope, "headwater-envelope").get("custody_head");
  const extract = files.get("disclosure_custody.json");
  need(extract !== undefined, "the extract of the custody log is missing");
  checkExtract(extract, signatures.get("signatures")[2].get("public_key"), later);
}

const DIGEST = /^[0-9a-f]{64}$/;

function checkTerms(manifest) {
  if (manifest.get("version") === 1) return;
  for (const name of ["country", "recipient", "handling_code", "legal_basis", "onward_transfer", "purpose"]) {
    need(text(manifest.get(name)).trim() !== "", `${name} is not stated`);
  }
  need(DIGEST.test(text(manifest.get("tool_sha256"))), "the program is not stated");
  checkPlace(part(manifest, "sequence"));
}

export function checkPlace(place) {
  const [number, previous] = [place.get("number"), place.get("previous_sha256")];
  need(hasNames(place, ["number", "previous_sha256"]) && Number.isSafeInteger(number) && number >= 1, "its place is not stated");
  need(number === 1 ? previous === null : DIGEST.test(text(previous)), "the document before it is not stated");
}

function packageId(manifest) {
  let named = without(manifest, "package_id");
  const files = list(manifest.get("files")).filter((file) => file.get("name") !== "report.pdf");
  named.set("files", files);
  if (manifest.get("version") === 1) {
    named = new Map();
    for (const name of ["case", "country", "recipient", "author", "drafted_at_utc", "leads"]) {
      need(manifest.has(name), `${name} is missing`);
      named.set(name, manifest.get(name));
    }
    named.set("files", files.map((file) => [text(file.get("name")), text(file.get("sha256"))]));
  }
  const framed = [["s", Buffer.from("headwater")], ["s", Buffer.from("pkg")], ["b", canonical(named)]].flatMap(([kind, content]) => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(content.length));
    return [Buffer.from(kind), length, content];
  });
  return `pkg-${sha256(...framed).toString("hex").slice(0, 32)}`;
}

function checkFiles(manifest, files) {
  const stated = list(manifest.get("files"));
  const names = stated.map((file) => file.get("name"));
  const found = [...files.keys()].filter((name) => !SIGNED.includes(name));
  need(new Set(names).size === names.length && names.length === found.length, "there are other files than the manifest names");
  for (const file of stated) {
    const content = files.get(file.get("name"));
    need(content !== undefined && !SIGNED.includes(file.get("name")), "a file is missing");
    need(file.get("size_bytes") === content.length && file.get("sha256") === sha256Hex(content), "a file is not the one that was signed");
  }
}

function checkPeople(manifest, approval, signatures) {
  const people = [part(manifest, "author"), part(approval, "approver")];
  need(folded(people[0].get("operator")) !== folded(people[1].get("operator")), "author and approver are one person");
  [manifest, approval].forEach((from, number) => {
    const decisions = list(from.get("decisions"));
    need(people[number].get("public_key") === signatures.get("signatures")[number].get("public_key"), "a person has another key than signed");
    need(decisions.length === 1 && decisions[0].get("role") === ROLES[number], "a decision is missing");
    need(decisions[0].get("operator") === people[number].get("operator"), "a decision is by somebody else");
  });
}

function checkLeads(manifest, approval, files) {
  const named = list(manifest.get("leads")).map((lead) => text(lead.get("lead_id")));
  const content = files.get("leads.jsonl") ?? Buffer.alloc(0);
  const written = content.toString("utf-8").split("\n").filter((line) => line !== "").map((line) => JSON.parse(line).lead_id);
  need(same(written, named), "leads.jsonl holds other leads");
  const approved = list(approval.get("leads")).filter((lead) => [...(manifest.get("version") === 1 ? [] : ["shown"]), "opened", "sample"].includes(lead.get("basis")));
  need(same(approved.map((lead) => text(lead.get("lead_id"))), named), "not each lead was approved");
}

function headerBlock(name, size) {
  const block = Buffer.alloc(512);
  block.write(name, 0, "utf-8");
  block.write("0000644\0" + "0000000\0" + "0000000\0", 100, "latin1");
  block.write(`${size.toString(8).padStart(11, "0")}\0` + "00000000000\0", 124, "latin1");
  block.write("        0", 148, "latin1");
  block.write("ustar\0" + "00", 257, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

// Reads what it would have written itself, and nothing else.
export function membersOf(archive) {
  const files = new Map();
  let [at, last] = [0, ""];
  while (at + 512 <= archive.length && archive[at] !== 0) {
    const end = archive.indexOf(0, at);
    const name = archive.subarray(at, Math.min(end, at + 100)).toString("utf-8");
    const size = Number.parseInt(archive.subarray(at + 124, at + 135).toString("latin1"), 8);
    need(Number.isSafeInteger(size) && name > last && headerBlock(name, size).equals(archive.subarray(at, at + 512)), "the archive was altered");
    const padded = Math.ceil(size / 512) * 512;
    need(at + 512 + padded <= archive.length, "the archive was cut off");
    files.set(name, archive.subarray(at + 512, at + 512 + size));
    need(archive.subarray(at + 512 + size, at + 512 + padded).every((byte) => byte === 0), "the archive was altered");
    at += 512 + padded;
    last = name;
  }
  const whole = Math.ceil((at + 1024) / 10240) * 10240;
  need(archive.length === whole && archive.subarray(at).every((byte) => byte === 0), "the archive was altered at its end");
  return files;
}
