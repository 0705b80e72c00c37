// The one spelling of JSON that signed lines and documents have, and what is signed with Ed25519.
import { createHash, createPublicKey, verify } from "node:crypto";

export class Bad extends Error {}

export function need(holds, why) {
  if (!holds) throw new Bad(why);
}

export const sha256 = (...parts) => {
  const digest = createHash("sha256");
  for (const part of parts) digest.update(part);
  return digest.digest();
};
export const sha256Hex = (...parts) => sha256(...parts).toString("hex");
export const isHex = (value, digits = 64) =>
  typeof value === "string" && value.length === digits && /^[0-9a-f]*$/.test(value);
export const isCount = (value) => (Number.isSafeInteger(value) || typeof value === "bigint") && value >= 0;
export const isObject = (value) => value instanceof Map;

// Objects become maps, whose names are in the order of their code points; numbers that are too long become BigInt.
export function parsed(content) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    throw new Bad("it is not UTF-8");
  }
  const reader = { text, at: 0 };
  const value = readValue(reader, 0);
  need(reader.at === text.length, "something follows the JSON");
  need(isObject(value), "it is no JSON object");
  return value;
}

function readValue(reader, depth) {
  need(depth < 900, "it is nested too deeply");
  const { text } = reader;
  const character = text[reader.at];
  if (character === '"') return readString(reader);
  if (character === "{") return readObject(reader, depth);
  if (character === "[") return readArray(reader, depth);
  for (const [word, value] of [["true", true], ["false", false], ["null", null]]) {
    if (text.startsWith(word, reader.at)) {
      reader.at += word.length;
      return value;
    }
  }
  const number = /^(?:0|-?[1-9][0-9]*)(?![0-9.eE])/.exec(text.slice(reader.at, reader.at + 4400));
  need(number, "it is not canonical JSON");
  reader.at += number[0].length;
  const value = Number(number[0]);
  return Number.isSafeInteger(value) ? value : BigInt(number[0]);
}

function readString(reader) {
  const found = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\bfnrt]|u00[01][0-9a-f]))*"/y;
  found.lastIndex = reader.at;
  const [literal] = found.exec(reader.text) ?? [];
  need(literal !== undefined, "a text is not canonical");
  reader.at += literal.length;
  const value = JSON.parse(literal);
  need(JSON.stringify(value) === literal, "a text is not canonical");
  return value;
}

function readObject(reader, depth) {
  const value = new Map();
  reader.at += 1;
  let last;
  if (reader.text[reader.at] === "}") {
    reader.at += 1;
    return value;
  }
  for (;;) {
    need(reader.text[reader.at] === '"', "a name is no text");
    const name = readString(reader);
    need(last === undefined || compared(last, name) < 0, "names are not sorted, or one is there twice");
    need(reader.text[reader.at] === ":", "it is not canonical JSON");
    reader.at += 1;
    value.set(name, readValue(reader, depth + 1));
    last = name;
    const end = reader.text[reader.at];
    reader.at += 1;
    if (end === "}") return value;
    need(end === ",", "it is not canonical JSON");
  }
}

function readArray(reader, depth) {
  const value = [];
  reader.at += 1;
  if (reader.text[reader.at] === "]") {
    reader.at += 1;
    return value;
  }
  for (;;) {
    value.push(readValue(reader, depth + 1));
    const end = reader.text[reader.at];
    reader.at += 1;
    if (end === "]") return value;
    need(end === ",", "it is not canonical JSON");
  }
}

// By code point, and not by UTF-16 unit as JavaScript would.
function compared(left, right) {
  const [a, b] = [Array.from(left), Array.from(right)];
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    const difference = a[index].codePointAt(0) - b[index].codePointAt(0);
    if (difference) return difference;
  }
  return a.length - b.length;
}

export function canonical(value) {
  return Buffer.from(spelled(value), "utf-8");
}

function spelled(value) {
  if (value instanceof Map) {
    const names = [...value.keys()].sort(compared);
    return `{${names.map((name) => `${JSON.stringify(name)}:${spelled(value.get(name))}`).join(",")}}`;
  }
  if (Array.isArray(value)) return `[${value.map(spelled).join(",")}]`;
  return typeof value === "bigint" ? String(value) : JSON.stringify(value);
}

export const same = (left, right) => canonical(left).equals(canonical(right));
export const object = (fields) => new Map(Object.entries(fields));

export function without(value, name) {
  const rest = new Map(value);
  rest.delete(name);
  return rest;
}

export function hasNames(value, names) {
  return isObject(value) && value.size === names.length && names.every((name) => value.has(name));
}

const SPKI = Buffer.from("302a300506032b6570032100", "hex"); // RFC 8410: what stands before the 32 bytes of the key

export function signedBy(publicKey, signature, ...message) {
  if (!isHex(publicKey) || !isHex(signature, 128)) return false;
  try {
    const key = createPublicKey({ key: Buffer.concat([SPKI, Buffer.from(publicKey, "hex")]), format: "der", type: "spki" });
    return verify(null, Buffer.concat(message.map((part) => Buffer.from(part))), key, Buffer.from(signature, "hex"));
  } catch {
    return false;
  }
}

export function keyOfPem(pem) {
  const body = Buffer.from(pem.toString("latin1").split("\n").slice(1, 2).join(""), "base64");
  const again = `-----BEGIN PUBLIC KEY-----\n${body.toString("base64")}\n-----END PUBLIC KEY-----\n`;
  need(again === pem.toString("latin1") && body.length === 44 && body.subarray(0, 12).equals(SPKI), "it is no key in PEM");
  return body.subarray(12).toString("hex");
}
