import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import sharp from "sharp";

import { crc32, readFile as readAec } from "../../aecodec/web/container.js";
import { CorruptFileError, MissingModelError, UnsupportedVersionError } from "../../aecodec/web/errors.js";
import { conformance, makeDecoder } from "./platform.mjs";

const file = new Uint8Array(await readFile(new URL("rgba.aec", conformance)));
const decoder = makeDecoder();

/** A file of these chunks, each a type and its bytes. */
function fileOf(...chunks) {
  const parts = [[0x89, 0x41, 0x45, 0x43, 1]];
  for (const [type, payload] of chunks) {
    const frame = [type, ...varint(payload.length), ...payload];
    const crc = crc32(Uint8Array.from(frame));
    parts.push(frame, [0, 8, 16, 24].map((shift) => (crc >>> shift) & 255));
  }
  return Uint8Array.from(parts.flat());
}

function varint(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return [...bytes, value];
}

function headerOf({ width = 16, height = 16, mode = 0, quality = 50, tile = 96, chunks = 1, weights = 0 } = {}) {
  const numbers = [width, height, mode, quality, tile, chunks];
  return [0x01, [...numbers.flatMap(varint), ...new Array(8).fill(weights)]];
}

test("a file cut short anywhere is refused", () => {
  for (let length = 0; length < file.length; length += 1 + (length >> 3)) {
    assert.throws(() => readAec(file.subarray(0, length)), CorruptFileError, `${length} bytes`);
  }
});

test("a changed byte anywhere is noticed", () => {
  for (let at = 0; at < file.length; at += 1 + (at >> 3)) {
    const changed = file.slice();
    changed[at] ^= 16;
    assert.throws(
      () => readAec(changed),
      (error) => error instanceof CorruptFileError || error instanceof UnsupportedVersionError,
      `byte ${at}`,
    );
  }
});

test("bytes after the last chunk, later versions and unknown chunks are refused", () => {
  assert.throws(() => readAec(Uint8Array.from([...file, 0])), /1 unexpected bytes after/);
  assert.throws(() => readAec(Uint8Array.from([...file.subarray(0, 4), 2])), /format version 2/);
  assert.throws(() => readAec(fileOf(headerOf(), [0x20, []])), /unknown-0x20: needs a newer/);
  assert.equal(readAec(fileOf(headerOf(), [0xa0, []])).chunks.length, 1);
});

test("filters of other lengths, or of grey, are refused", async () => {
  const small = (mode, length) =>
    fileOf(headerOf({ mode, chunks: 2 }), [0x02, []], [0x07, new Array(length).fill(1)]);
  for (const length of [0, 8, 10, 45]) {
    await assert.rejects(decoder.decode(small(0, length)), new RegExp(`filter: ${length} bytes`));
  }
  await assert.rejects(decoder.decode(small(2, 9)), /filter: not for pictures of mode L/);
  const twice = fileOf(headerOf({ chunks: 2 }), [0x07, [9]], [0x07, [9]]);
  assert.throws(() => readAec(twice), /filter: there twice/);
});

test("what no picture has is refused before memory is taken", async () => {
  const large = fileOf(headerOf({ width: 178_000_000, height: 2 }), [0x02, []]);
  await assert.rejects(decoder.decode(large), /178000000x2 is over the size limit/);
  const thin = (weights) => fileOf(headerOf({ width: 1, height: 800_000, weights }), [0x02, []]);
  assert.throws(() => readAec(thin(1)), /1x800000 is too long and thin/);
  assert.equal(readAec(thin(0)).header.height, 800_000);
  const tiles = fileOf(headerOf({ width: 13_000, height: 13_000 }), [0x02, []]);
  await assert.rejects(decoder.decode(tiles), /tile: 1 of 81 tiles are there/);
  const empty = fileOf(headerOf({ width: 13_000, height: 13_000, tile: 128, chunks: 49 }),
    ...new Array(49).fill([0x02, []]));
  const before = process.memoryUsage().arrayBuffers;
  await assert.rejects(decoder.decode(empty), /exact: tile 0 is missing/);
  assert.ok(process.memoryUsage().arrayBuffers - before < 100_000_000);
  const small = fileOf(headerOf({ width: 1000, height: 1000, tile: 4 }), [0x02, []]);
  await assert.rejects(decoder.decode(small), /too small for 1000x1000/);
});

test("damage within a chunk has a message that names it", async () => {
  await assert.rejects(decoder.decode(fileOf(headerOf(), [0x02, []])), /exact: tile 0 is missing/);
  const exact = (...bytes) =>
    decoder.decode(fileOf(headerOf({ chunks: 2 }), [0x02, []], [0x04, bytes]));
  await assert.rejects(exact(3, 0), /there is no tile 3/);
  await assert.rejects(exact(0, 0, 1, 2, 3), /exact: not a lossless WebP/);
  await assert.rejects(exact(0, 2, 1, 2), /exact: tile 0 is missing/);
  const alpha = fileOf(headerOf({ mode: 1, chunks: 2 }), [0x02, []], [0x03, [1, 2]]);
  await assert.rejects(decoder.decode(alpha), CorruptFileError);
});

test("a coloured or lossy WebP in a grey picture is refused", async () => {
  const red = sharp({ create: { width: 16, height: 16, channels: 3, background: "red" } });
  for (const [lossless, message] of [[true, /colours in a grey picture/], [false, /not a lossless/]]) {
    const webp = await red.clone().webp({ lossless }).toBuffer();
    const header = headerOf({ mode: 2, chunks: 2 });
    const grey = fileOf(header, [0x02, []], [0x04, [0, 0, ...webp]]);
    await assert.rejects(decoder.decode(grey), message);
  }
});

test("weights that are not there are named", async () => {
  const header = headerOf();
  header[1].splice(-8, 8, 1, 2, 3, 4, 5, 6, 7, 8);
  const unknown = decoder.decode(fileOf(header, [0x02, [0]]));
  await assert.rejects(unknown, MissingModelError);
  await assert.rejects(decoder.decode(fileOf(header, [0x02, [0]])), /weights 0102030405060708/);
});
