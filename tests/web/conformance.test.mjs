import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { STRIDE, TILE, readFile as readAec, tileBoxes, NO_WEIGHTS } from "../../aecodec/web/container.js";
import { decodeLatents } from "../../aecodec/web/prior.js";
import { conformance, makeDecoder, readPng } from "./platform.mjs";

const files = JSON.parse(await readFile(new URL("files.json", conformance)));
const decoder = makeDecoder();

function sha256(...arrays) {
  const hash = createHash("sha256");
  for (const { buffer, byteOffset, byteLength } of arrays) {
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest("hex");
}

/** The levels of a decoded picture, as many channels as its mode has. */
function levelsOf({ imageData, grey16, header: { mode } }) {
  if (grey16) return grey16;
  const channels = { RGB: [0, 1, 2], RGBA: [0, 1, 2, 3], L: [0], LA: [0, 3] }[mode];
  const levels = new Uint8Array((imageData.data.length / 4) * channels.length);
  for (let i = 0, to = 0; i < imageData.data.length; i += 4) {
    for (const c of channels) levels[to++] = imageData.data[i + c];
  }
  return levels;
}

for (const [name, expected] of Object.entries(files)) {
  test(`${name}: the symbols are those that the file has`, async () => {
    const { header, chunks } = readAec(await readFile(new URL(`${name}.aec`, conformance)));
    const symbols = [];
    if (header.weights !== NO_WEIGHTS) {
      const model = await decoder.model(header.weights);
      const payloads = chunks.filter(({ type }) => type === TILE);
      for (const [tile, { width, height }] of tileBoxes(header).entries()) {
        const size = [height, width].map((side) => Math.ceil(side / STRIDE));
        const seen = (found) => symbols.push(found);
        await decodeLatents(model, payloads[tile].payload, ...size, header.quality, seen);
      }
    }
    assert.equal(sha256(...symbols), expected.symbols);
  });

  test(`${name}: the picture is that of the Python decoder`, async () => {
    const picture = await decoder.decode(await readFile(new URL(`${name}.aec`, conformance)));
    const levels = levelsOf(picture);
    const png = new URL(`${name}.png`, conformance);
    const reference = await readPng(png, picture.grey16 !== null);
    assert.deepEqual([picture.width, picture.height], [reference.width, reference.height]);
    const channels = levels.length / (picture.width * picture.height);
    let worst = 0;
    for (let i = 0; i < levels.length; i++) {
      // The reference may have grey three times, before its alpha.
      const isAlpha = channels % 2 === 0 && i % channels === channels - 1;
      const channel = isAlpha ? reference.channels - 1 : i % channels;
      const at = Math.floor(i / channels) * reference.channels + channel;
      worst = Math.max(worst, Math.abs(levels[i] - reference.levels[at]));
    }
    assert.ok(worst <= expected.within, `${worst} levels`);
    if (expected.within === 0) assert.equal(sha256(levels), expected.levels);
  });
}
