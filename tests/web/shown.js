// In the page of the tests: shows files in <aec-img>, and posts what came out.
import "./aec-img.js";
import { NO_WEIGHTS, STRIDE, TILE, readFile, tileBoxes } from "./container.js";
import { Decoder } from "./decode.js";
import { decodeLatents } from "./prior.js";

const post = (path, body) => fetch(path, { method: "POST", body });

const decoder = new Decoder({
  ort: () => import("./runtime/ort.wasm.bundle.min.mjs"),
  assets: async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer()),
});

/** The symbols of a file, as they come. */
async function symbolsOf(data) {
  const { header, chunks } = readFile(new Uint8Array(data));
  const parts = [];
  if (header.weights !== NO_WEIGHTS) {
    const model = await decoder.model(header.weights);
    const payloads = chunks.filter(({ type }) => type === TILE);
    for (const [tile, { width, height }] of tileBoxes(header).entries()) {
      const size = [height, width].map((side) => Math.ceil(side / STRIDE));
      const seen = (symbols) => parts.push(symbols);
      await decodeLatents(model, payloads[tile].payload, ...size, header.quality, seen);
    }
  }
  return new Blob(parts);
}

/** @param {string[]} names of files in files/ */
export async function postAll(names) {
  await post("isolated", String(crossOriginIsolated));
  for (const name of names) {
    const shown = document.createElement("aec-img");
    let preview = "none";
    shown.addEventListener("preview", ({ detail: { width, height, imageData } }) => {
      const { width: shownWidth, height: shownHeight } = shown.querySelector("canvas");
      preview = [width, height, imageData.width, imageData.height, shownWidth, shownHeight].join();
    });
    const outcome = new Promise((resolve) => {
      shown.addEventListener("load", ({ detail }) => resolve(detail));
      shown.addEventListener("error", ({ detail }) => resolve(detail));
    });
    shown.setAttribute("src", `files/${name}.aec`);
    document.body.append(shown);
    const detail = await outcome;
    if (detail instanceof Error) {
      await post(`${name}/error`, detail.message);
      continue;
    }
    await post(`${name}/preview`, preview);
    await post(`${name}/symbols`, await symbolsOf(await (await fetch(`files/${name}.aec`)).arrayBuffer()));
    await post(`${name}/pixels`, detail.grey16 ?? detail.imageData.data);
    shown.remove();
  }
}

/** What the viewer's page says of a file, or of its damage. */
export async function postViewer(src, path) {
  const frame = document.createElement("iframe");
  frame.src = `viewer.html?src=${src}`;
  document.body.append(frame);
  await new Promise((resolve) => (frame.onload = resolve));
  const page = frame.contentDocument;
  while (page.querySelector("button").hidden && !page.querySelector("[role=alert]").textContent) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await post(path, page.body.innerText);
}
