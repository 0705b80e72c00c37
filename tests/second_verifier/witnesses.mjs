// Witnesses of tree heads: docs/reference/custody-format.md, "A witness"; RFC 3161, RFC 5652, RFC 5816, RFC 2634, RFC 5280.
import { createHash, verify, X509Certificate } from "node:crypto";
import { hasNames, isCount, isHex, isObject, need, parsed, same, sha256 } from "./canonical.mjs";
import { checkDocument } from "./signed.mjs";

const NAMES = {
  rfc3161: ["format", "kind", "entries", "response", "authority"],
  receipt: ["format", "kind", "entries", "receipt", "receiver_key"],
};
const [BOOLEAN, INTEGER, OCTETS, OBJECT, SEQUENCE, SET, TIME] = [0x01, 0x02, 0x04, 0x06, 0x30, 0x31, 0x18];
const [CONTEXT_0, CONTEXT_3] = [0xa0, 0xa3];
const SIGNED_DATA = "2a864886f70d010702";
const TST_INFO = "2a864886f70d0109100104";
const CONTENT_TYPE = "2a864886f70d010903";
const MESSAGE_DIGEST = "2a864886f70d010904";
const SIGNING_CERTIFICATE = "2a864886f70d010910020c";
const SIGNING_CERTIFICATE_2 = "2a864886f70d010910022f";
const EXTENDED_KEY_USAGE = "551d25";
const TIME_STAMPING = "2b06010505070308";
const DIGESTS = { "608648016503040201": "sha256", "608648016503040202": "sha384", "608648016503040203": "sha512" };

export function checkWitness(line, heads) {
  const witness = parsed(line);
  const names = NAMES[witness.get("kind")];
  need(names !== undefined && hasNames(witness, names) && witness.get("format") === 1, "it is no witness");
  const entries = witness.get("entries");
  need(isCount(entries) && entries >= 1 && entries <= heads.length, "it saw more than the log has");
  const head = heads[entries - 1];
  if (witness.get("kind") === "rfc3161") checkStamp(witness, head);
  else checkReceipt(witness, parsed(head));
}

function checkReceipt(witness, head) {
  need(isHex(witness.get("receiver_key")) && isObject(witness.get("receipt")), "the receipt is none");
  const receipt = checkDocument(witness.get("receipt"), witness.get("receiver_key"), "headwater-receipt");
  const seen = new Map([["entries", witness.get("entries")], ["root", head.get("root")]]);
  need(isObject(receipt.get("custody_head")) && same(receipt.get("custody_head"), seen), "the recipient saw another log");
}

// ---- DER: a value is its tag, its content, and both with the length between.

function values(bytes) {
  const found = [];
  for (let at = 0; at < bytes.length; ) {
    const start = at;
    let length = bytes[at + 1];
    at += 2;
    if (length >= 0x80) {
      const count = length & 0x7f;
      need(count >= 1 && count <= 4, "a length is not DER");
      length = bytes.readUIntBE(at, count);
      at += count;
      need(length >= 0x80 && length >= 2 ** (8 * (count - 1)), "a length is not DER");
    }
    need(at + length <= bytes.length, "a value is cut off");
    found.push({ tag: bytes[start], content: bytes.subarray(at, at + length), whole: bytes.subarray(start, at + length) });
    at += length;
  }
  return found;
}

function only(bytes, tag) {
  const found = values(bytes);
  need(found.length === 1 && found[0].tag === tag, "it is not as RFC 3161 says");
  return found[0];
}

const parts = (value) => values(value.content);
const hex = (value) => value.content.toString("hex");
const oid = (value) => {
  need(value.tag === OBJECT, "an identifier is missing");
  return hex(value);
};

// ---- A certificate: what Node.js does not say of it.

function certificateOf(raw) {
  const certificate = new X509Certificate(raw);
  const fields = parts(parts(only(raw, SEQUENCE))[0]).filter(({ tag }, number) => number > 0 || tag !== CONTEXT_0);
  const listed = fields.find(({ tag }) => tag === CONTEXT_3);
  const extensions = listed === undefined ? [] : parts(only(listed.content, SEQUENCE)).map(parts);
  return { certificate, raw, serial: fields[0], issuer: fields[2], extensions };
}

function pemCertificates(text) {
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  need(found.length > 0, "no authority is named");
  return found.map((pem) => certificateOf(new X509Certificate(pem).raw));
}

function forStampsAlone({ extensions }) {
  const usage = extensions.find(([name]) => oid(name) === EXTENDED_KEY_USAGE);
  if (usage === undefined || usage.length !== 3 || usage[1].tag !== BOOLEAN || usage[1].content[0] === 0) return false;
  const purposes = parts(only(usage[2].content, SEQUENCE)).map(oid);
  return purposes.length === 1 && purposes[0] === TIME_STAMPING;
}

function checkChain(signer, known, authorities, moment) {
  const roots = authorities.map(({ raw }) => raw);
  let one = signer;
  for (let step = 0; step < 8; step += 1) {
    const { certificate } = one;
    need(Date.parse(certificate.validFrom) <= moment && moment <= Date.parse(certificate.validTo), "a certificate was not valid then");
    if (roots.some((root) => root.equals(one.raw))) return;
    const below = one;
    one = known.find((other) => other.certificate.ca && below.certificate.checkIssued(other.certificate) && below.certificate.verify(other.certificate.publicKey));
    need(one !== undefined, "its certificate leads to no authority");
  }
  need(false, "its certificate leads to no authority");
}

// ---- The stamp.

function checkStamp(witness, head) {
  const text = witness.get("response");
  need(typeof text === "string" && /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text) && !text.includes("\n"), "it is no Base64");
  need(typeof witness.get("authority") === "string", "no authority is named");
  const authorities = pemCertificates(witness.get("authority"));
  const [status, token, ...more] = parts(only(Buffer.from(text, "base64"), SEQUENCE));
  need(parts(status)[0].tag === INTEGER && hex(parts(status)[0]) === "00" && token !== undefined && more.length === 0, "it was not granted");
  const [kind, wrapped] = parts(token);
  const signed = parts(only(wrapped.content, SEQUENCE));
  const [inside, content] = parts(signed[2]);
  need(oid(kind) === SIGNED_DATA && oid(inside) === TST_INFO, "it is no time stamp");
  const info = only(content.content, OCTETS).content;
  const { moment, imprint } = stated(info);
  need(imprint.equals(sha256(head)), "it is on another tree head");
  const included = signed[3].tag === CONTEXT_0 ? parts(signed[3]).map(({ whole }) => certificateOf(whole)) : [];
  const signers = parts(signed.at(-1));
  need(signed.at(-1).tag === SET && signers.length === 1, "it has other than one signer");
  const known = [...included, ...authorities];
  const signer = checkSigner(parts(signers[0]), info, known);
  need(forStampsAlone(signer), "its certificate is not for time stamps alone");
  checkChain(signer, known, authorities, moment);
}

function stated(info) {
  const fields = parts(only(info, SEQUENCE));
  const [algorithm, digest] = parts(fields[2]);
  need(DIGESTS[oid(parts(algorithm)[0])] === "sha256", "it is not on a SHA-256");
  const time = fields.find(({ tag }) => tag === TIME)?.content.toString("latin1") ?? "";
  const read = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d{1,6})?Z$/.exec(time);
  need(read !== null, "it states no time");
  const [, year, month, day, hour, minute, second, fraction = ""] = read;
  const moment = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) + Number(`0${fraction}`) * 1000;
  need(!Number.isNaN(moment), "it states no time");
  return { moment, imprint: digest.content };
}

function checkSigner([, who, kind, attributes, ...rest], info, known) {
  const digest = DIGESTS[oid(parts(kind)[0])];
  need(digest !== undefined && attributes.tag === CONTEXT_0 && who.tag === SEQUENCE, "its signer is of no known kind");
  const [issuer, serial] = parts(who);
  const signer = known.find((one) => one.issuer.whole.equals(issuer.whole) && one.serial.content.equals(serial.content));
  need(signer !== undefined, "the authority's certificate is not there");
  const said = new Map(parts(attributes).map((attribute) => [oid(parts(attribute)[0]), parts(parts(attribute)[1])]));
  need(oid(said.get(CONTENT_TYPE)[0]) === TST_INFO, "something else was signed");
  need(said.get(MESSAGE_DIGEST)[0].content.equals(createHash(digest).update(info).digest()), "something else was signed");
  need(named(said, signer.raw), "it was signed for another certificate");
  // RFC 5652, section 5.4: what is signed is the set of attributes, under the tag of a set.
  const message = Buffer.concat([Buffer.of(SET), attributes.whole.subarray(1)]);
  const signature = rest.find(({ tag }) => tag === OCTETS).content;
  const key = signer.certificate.publicKey;
  need(verify(key.asymmetricKeyType === "ed25519" ? null : digest, message, key, signature), "the signature does not hold");
  return signer;
}

function named(said, raw) {
  const first = (name) => parts(parts(parts(said.get(name)[0])[0])[0]);
  if (said.has(SIGNING_CERTIFICATE_2)) {
    const fields = first(SIGNING_CERTIFICATE_2);
    const digest = fields[0].tag === OCTETS ? "sha256" : DIGESTS[oid(parts(fields[0])[0])];
    return fields.find(({ tag }) => tag === OCTETS).content.equals(createHash(digest).update(raw).digest());
  }
  return said.has(SIGNING_CERTIFICATE) && first(SIGNING_CERTIFICATE)[0].content.equals(createHash("sha1").update(raw).digest());
}
