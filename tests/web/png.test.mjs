import assert from "node:assert/strict";
import { test } from "node:test";
import sharp from "sharp";

import { readGreyPng, writePng } from "../../aecodec/web/png.js";

const [width, height] = [37, 23];
const noise = (i) => ((i * 2654435761) >>> 7) & 255;
const smooth = (i) => (i % width) * 3 + Math.floor(i / width) * 5;

for (const [kind, level] of Object.entries({ noise, smooth })) {
  for (let filter = 0; filter < 2; filter++) {
    test(`8-bit grey that another program wrote: ${kind}, ${filter ? "all filters" : "none"}`, async () => {
      const levels = Uint8Array.from({ length: width * height }, (_, i) => level(i) & 255);
      const png = await sharp(levels, { raw: { width, height, channels: 1 } })
        .toColourspace("b-w")
        .png({ adaptiveFiltering: filter === 1 })
        .toBuffer();
      assert.deepEqual(new Uint8Array(await readGreyPng(png, width, height, 8, "alpha")), levels);
    });
  }
}

test("a written PNG has the pixels, the alpha and the EXIF", async () => {
  const data = Uint8ClampedArray.from({ length: 4 * width * height }, (_, i) => noise(i));
  const exif = new TextEncoder().encode("Exif\0\0II*\0\b\0\0\0\0\0\0\0\0\0");
  const picture = { width, height, imageData: { data }, grey16: null, opaque: false, exif };
  const png = Buffer.from(await (await writePng(picture)).arrayBuffer());
  const read = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  assert.deepEqual([read.info.width, read.info.height, read.info.channels], [width, height, 4]);
  assert.deepEqual(new Uint8ClampedArray(read.data), data);
  assert.ok((await sharp(png).metadata()).exif);
});

test("16-bit levels come back from a written PNG", async () => {
  const grey16 = Uint16Array.from({ length: width * height }, (_, i) => (i * 40503) & 65535);
  const png = await writePng({ width, height, imageData: null, grey16, opaque: true });
  const bytes = new Uint8Array(await png.arrayBuffer());
  assert.deepEqual(await readGreyPng(bytes, width, height, 16, "exact"), grey16);
  await assert.rejects(readGreyPng(bytes, width, height, 8, "alpha"), /not a plain 8-bit grey/);
  await assert.rejects(readGreyPng(bytes, 5, height, 16, "exact"), /not of the right size/);
});
