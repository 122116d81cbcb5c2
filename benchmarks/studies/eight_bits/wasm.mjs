// Whether onnxruntime-web gives the outputs that Python wrote, to the bit.
//
//     python -m benchmarks.studies.eight_bits codec-balanced --data photos --wasm cases
//     node benchmarks/studies/eight_bits/wasm.mjs cases path/of/onnxruntime-web/dist/ort.node.min.mjs
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";

const TYPES = { float32: Float32Array, int32: Int32Array };

const [folder, runtime] = process.argv.slice(2);
const ort = await import(resolve(runtime));
ort.env.wasm.numThreads = 1;
const cases = JSON.parse(await readFile(join(folder, "cases.json"), "utf8"));
const sessions = {};
let same = 0;
for (const { network, inputs, output, sha256 } of cases) {
  sessions[network] ??= await ort.InferenceSession.create(await readFile(join(folder, network)));
  const feeds = {};
  for (const [name, { dtype, shape, data }] of Object.entries(inputs)) {
    const bytes = new Uint8Array(Buffer.from(data, "base64"));
    feeds[name] = new ort.Tensor(dtype, new TYPES[dtype](bytes.buffer), shape);
  }
  const { data } = (await sessions[network].run(feeds))[output];
  const found = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  same += Number(createHash("sha256").update(found).digest("hex") === sha256);
}
console.log(`the same to the bit in WebAssembly: ${same} of ${cases.length}`);
process.exitCode = Number(same < cases.length);
