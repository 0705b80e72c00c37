// Reads one job a line from standard input and prints one verdict a line: "ok", or why not.
//
// A job is a JSON object: {"kind": "log" | "proof" | "extract" | "sealed" | "opened" | "archive" | "recall" | "document", ...}, with contents in Base64. It is
// written from docs/reference/custody-format.md and package-format.md, to show that these pages are enough.
import { readFileSync } from "node:fs";
import { Bad, keyOfPem } from "./canonical.mjs";
import { checkLog, checkProofOrErasure } from "./custody.mjs";
import { checkExtract } from "./extract.mjs";
import { checkContents, checkEnvelope, membersOf } from "./package.mjs";
import { checkDocument, checkRecall } from "./signed.mjs";

const bytes = (text) => Buffer.from(text ?? "", "base64");
const files = (named) => new Map(Object.entries(named).map(([name, content]) => [name, bytes(content)]));
const CHECKS = {
  log: ({ log, heads, payloads, pem, witnesses, stamps }) =>
    checkLog({ log: bytes(log), heads: bytes(heads), payloads: bytes(payloads), key: keyOfPem(bytes(pem)), witnesses, stamps: bytes(stamps) }),
  extract: ({ extract }) => checkExtract(bytes(extract)),
  proof: ({ proof }) => checkProofOrErasure(bytes(proof)),
  sealed: ({ envelope, ciphertext, identity }) =>
    checkEnvelope({ envelope: bytes(envelope), ciphertext: bytes(ciphertext), identity }),
  opened: (job) => checkContents({ files: files(job.files) }),
  recall: ({ envelope, ciphertext, identity }) =>
    checkRecall({ envelope: bytes(envelope), ciphertext: bytes(ciphertext), identity }),
  document: ({ document }) => checkDocument(bytes(document)),
  archive: ({ archive }) => checkContents({ files: membersOf(bytes(archive)) }),
};

for (const line of readFileSync(0, "utf-8").split("\n")) {
  if (line === "") continue;
  const job = JSON.parse(line);
  let verdict = "ok";
  try {
    CHECKS[job.kind](job);
  } catch (error) {
    // A malformed input may trip any operation: that is a finding. A mistake of ours would show as a wrong verdict.
    verdict = error instanceof Bad ? error.message : `malformed: ${error.message}`;
  }
  process.stdout.write(`${verdict.replaceAll("\n", " ")}\n`);
}
