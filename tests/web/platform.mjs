// What a browser gives the decoder, in Node.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";

import { Decoder } from "../../aecodec/web/decode.js";

export const conformance = new URL("../codec/conformance/", import.meta.url);

/** A decoder with the models in the folder that AECODEC_MODELS names. */
export function makeDecoder() {
  return new Decoder({
    ort: async () => {
      const ort = await import("onnxruntime-web");
      ort.env.wasm.numThreads = 1;
      return ort;
    },
    assets: (path) => readFile(join(process.env.AECODEC_MODELS, path)),
    readWebp: async (webp) => {
      const { data, info } = await sharp(webp).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
      return { width: info.width, height: info.height, data };
    },
  });
}

/** The levels of a PNG, as many channels as it has. */
export async function readPng(url, deep) {
  const image = sharp(await readFile(url));
  const raw = deep ? image.toColourspace("grey16").raw({ depth: "ushort" }) : image.raw();
  const { data, info } = await raw.toBuffer({ resolveWithObject: true });
  const levels = deep ? new Uint16Array(new Uint8Array(data).buffer) : data;
  return { levels, width: info.width, height: info.height, channels: info.channels };
}
