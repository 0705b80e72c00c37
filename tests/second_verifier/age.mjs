// Opening an age file for one X25519 identity: https://age-encryption.org/v1
import { createDecipheriv, createHmac, createPrivateKey, createPublicKey, diffieHellman, hkdfSync, timingSafeEqual } from "node:crypto";
import { need } from "./canonical.mjs";

const ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"; // BIP 173
const GENERATORS = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

export function bech32(text, prefix) {
  const split = text.lastIndexOf("1");
  const tail = text.slice(split + 1);
  need(text.slice(0, split) === prefix && split > 0 && tail.length > 6, "it is no such key");
  const values = Array.from(tail, (character) => ALPHABET.indexOf(character));
  need(!values.includes(-1), "it is no such key");
  const codes = Array.from(prefix, (character) => character.charCodeAt(0));
  let check = 1;
  for (const value of [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31), ...values]) {
    const top = check >>> 25;
    check = ((check & 0x1ffffff) << 5) ^ value;
    GENERATORS.forEach((generator, bit) => {
      if ((top >> bit) & 1) check ^= generator;
    });
  }
  need(check === 1, "its checksum is wrong");
  const bits = values.slice(0, -6).map((value) => value.toString(2).padStart(5, "0")).join("");
  need(bits.length >= 256 && bits.length < 261 && !bits.slice(256).includes("1"), "its length is wrong");
  return Buffer.from(bits.slice(0, 256).match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
}

function base64(text) {
  const content = Buffer.from(text, "base64");
  need(content.toString("base64").replace(/=+$/, "") === text, "it is not canonical Base64");
  return content;
}

export function headerOf(content) {
  const intro = Buffer.from("age-encryption.org/v1\n");
  need(content.subarray(0, intro.length).equals(intro), "it is no age file");
  let at = intro.length;
  const line = () => {
    const end = content.indexOf(10, at);
    need(end >= 0, "its header has no end");
    const text = content.subarray(at, end).toString("latin1");
    at = end + 1;
    return text;
  };
  const stanzas = [];
  for (;;) {
    const start = at;
    const text = line();
    if (text.startsWith("--- ")) {
      const covered = content.subarray(0, start + 3);
      return { stanzas, covered, code: base64(text.slice(4)), rest: content.subarray(at) };
    }
    need(text.startsWith("-> "), "its header is malformed");
    let body = "";
    for (let part = line(); ; part = line()) {
      body += part;
      if (part.length < 64) break;
    }
    stanzas.push({ words: text.slice(3).split(" "), body: base64(body) });
  }
}

const derived = (secret, salt, purpose) => Buffer.from(hkdfSync("sha256", secret, salt, purpose, 32));

function opened(key, nonce, content) {
  need(content.length >= 16, "it is cut off");
  const cipher = createDecipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
  cipher.setAuthTag(content.subarray(-16));
  try {
    return Buffer.concat([cipher.update(content.subarray(0, -16)), cipher.final()]);
  } catch {
    return null;
  }
}

export function decrypted(content, identity) {
  const secret = bech32(identity.trim().toLowerCase(), "age-secret-key-");
  const own = createPrivateKey({
    key: Buffer.concat([Buffer.from("302e020100300506032b656e04220420", "hex"), secret]), format: "der", type: "pkcs8",
  });
  const ownPublic = Buffer.from(createPublicKey(own).export({ format: "jwk" }).x, "base64url");
  const { stanzas, covered, code, rest } = headerOf(content);
  let fileKey = null;
  for (const { words, body } of stanzas) {
    if (words[0] !== "X25519" || words.length !== 2 || body.length !== 32 || fileKey) continue;
    const share = base64(words[1]);
    need(share.length === 32, "a share is none");
    const theirs = createPublicKey({ key: Buffer.concat([Buffer.from("302a300506032b656e032100", "hex"), share]), format: "der", type: "spki" });
    let shared;
    try {
      shared = diffieHellman({ privateKey: own, publicKey: theirs });
    } catch {
      continue;
    }
    const wrap = derived(shared, Buffer.concat([share, ownPublic]), "age-encryption.org/v1/X25519");
    fileKey = opened(wrap, Buffer.alloc(12), body);
  }
  need(fileKey, "it was not encrypted to this identity");
  const expected = createHmac("sha256", derived(fileKey, "", "header")).update(covered).digest();
  need(code.length === 32 && timingSafeEqual(expected, code), "the header was altered");
  const key = derived(fileKey, rest.subarray(0, 16), "payload");
  const [body, step, parts] = [rest.subarray(16), 65536 + 16, []];
  const count = Math.max(1, Math.ceil(body.length / step));
  for (let number = 0; number < count; number += 1) {
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32BE(number, 7);
    nonce[11] = number === count - 1 ? 1 : 0;
    const part = opened(key, nonce, body.subarray(number * step, (number + 1) * step));
    need(part !== null && (part.length > 0 || number === 0), `chunk ${number} was altered`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}
