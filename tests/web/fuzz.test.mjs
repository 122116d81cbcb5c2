// Damaged files: a readable message or a picture, never anything else, and no gigabytes.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { crc32, readVarint } from "../../aecodec/web/container.js";
import { CorruptFileError, MissingModelError, UnsupportedVersionError } from "../../aecodec/web/errors.js";
import { conformance, makeDecoder } from "./platform.mjs";

const QUICK = ["rgb-lossless", "grey-16-lossless"]; // without networks
const LEARNED = ["rgba", "rgb-drawn", "grey-alpha", "grey-16", "rgb-highest-escapes", "rgb-any-filter"];
const MOST_BYTES = 1e9; // of the process, with ONNX Runtime
const decoder = makeDecoder();

/** Numbers below a limit, the same in each run. */
function makeRandom(seed) {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/** The chunks of a file: each its type and its payload, writable. */
function chunksOf(file) {
  const chunks = [];
  for (let position = 5; position < file.length; ) {
    const [length, begin] = readVarint(file, position + 1, "fuzz");
    chunks.push([file[position], [...file.subarray(begin, begin + length)]]);
    position = begin + length + 4;
  }
  return chunks;
}

/** A file of these chunks, with the checksums that they should have. */
function fileOf(chunks) {
  const parts = [[0x89, 0x41, 0x45, 0x43, 1]];
  for (const [type, payload] of chunks) {
    const length = [];
    let rest = payload.length;
    for (; rest > 127; rest = Math.floor(rest / 128)) length.push((rest % 128) | 128);
    const frame = [type, ...length, rest, ...payload];
    const crc = crc32(Uint8Array.from(frame));
    parts.push(frame, [0, 8, 16, 24].map((shift) => (crc >>> shift) & 255));
  }
  return Uint8Array.from(parts.flat());
}

/** Damage of the bytes as they are. */
function damaged(file, random) {
  if (random(3) === 0) return file.slice(0, random(file.length));
  const changed = file.slice();
  for (let times = 1 + random(4); times > 0; times--) {
    changed[random(file.length)] ^= 1 + random(255);
  }
  return changed;
}

/** Damage within the chunks, whose checksums are right again. */
function forged(file, random) {
  const chunks = chunksOf(file);
  for (let times = 1 + random(3); times > 0; times--) {
    const number = random(chunks.length);
    const [, payload] = chunks[number];
    const at = random(payload.length + 1);
    const kind = random(6);
    if (kind === 0) chunks[number][1] = payload.slice(0, at);
    else if (kind === 1) payload.splice(at, 0, random(256), random(256));
    else if (kind === 2 && number) chunks.splice(number, 0, chunks[random(chunks.length)]);
    else if (kind === 3 && number) chunks[number][0] = random(8);
    else if (payload.length) payload[at % payload.length] = random(256);
  }
  return fileOf(chunks);
}

/** What came of a file: "picture", or the name of the error. */
async function outcomeOf(file) {
  try {
    const { width, height, imageData } = await decoder.decode(file);
    assert.equal(imageData.data.length, 4 * width * height);
    return "picture";
  } catch (error) {
    const known = [CorruptFileError, MissingModelError, UnsupportedVersionError];
    assert.ok(known.some((kind) => error instanceof kind), error.stack);
    assert.match(error.message, /^[^\n]{8,200}$/);
    return error.name;
  }
}

async function tally(names, count, damage) {
  const outcomes = {};
  for (const [seed, name] of names.entries()) {
    const file = new Uint8Array(await readFile(new URL(`${name}.aec`, conformance)));
    const random = makeRandom(seed + 1);
    for (let i = 0; i < count; i++) {
      const outcome = await outcomeOf(damage(file, random));
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
  }
  assert.ok(process.memoryUsage().rss < MOST_BYTES, `${process.memoryUsage().rss} bytes`);
  return outcomes;
}

test("files that are cut or changed", async (t) => {
  const outcomes = await tally([...QUICK, ...LEARNED], 60, damaged);
  t.diagnostic(JSON.stringify(outcomes));
  assert.equal(outcomes.picture ?? 0, 0);
});

test("forged files without networks", async (t) => {
  t.diagnostic(JSON.stringify(await tally(QUICK, 120, forged)));
});

test("forged files for networks", async (t) => {
  t.diagnostic(JSON.stringify(await tally(LEARNED, 25, forged)));
});
