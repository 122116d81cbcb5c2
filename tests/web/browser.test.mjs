// The page in headless Chromium: it shows files, and posts the pixels that it shows.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { test } from "node:test";

import { conformance, readPng } from "./platform.mjs";

const NAMES = ["rgb-odd-size", "rgb-drawn", "rgba", "rgb-lossless"];
const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};
const POST = `
  import "./aec-img.js";
  for (const name of ${JSON.stringify(NAMES)}) {
    const shown = document.createElement("aec-img");
    const body = await new Promise((resolve) => {
      shown.addEventListener("load", ({ detail }) => resolve(detail.imageData.data));
      shown.addEventListener("error", ({ detail }) => resolve(detail.message));
      shown.setAttribute("src", "conformance/" + name + ".aec");
      document.body.append(shown);
    });
    await fetch("/shown/" + name, { method: "POST", body });
  }
  const frame = document.createElement("iframe");
  frame.src = "viewer.html?src=conformance/rgba.aec";
  document.body.append(frame);
  await new Promise((resolve) => (frame.onload = resolve));
  const page = frame.contentDocument;
  while (page.querySelector("button").hidden && !page.querySelector("[role=alert]").textContent) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await fetch("/shown/page", { method: "POST", body: page.body.innerText });
`;

async function serve(request, answer, shown) {
  const { pathname } = new URL(request.url, "http://localhost");
  if (request.method === "POST") {
    const parts = [];
    for await (const part of request) parts.push(part);
    shown.get(pathname.split("/").at(-1)).resolve(Buffer.concat(parts));
    return answer.end();
  }
  if (pathname === "/test.html") {
    answer.setHeader("Content-Type", "text/html");
    return answer.end(`<!doctype html><body><script type="module">${POST}</script>`);
  }
  const file = pathname.startsWith("/conformance/")
    ? new URL(pathname.slice("/conformance/".length), conformance)
    : join(process.env.AECODEC_MODELS, pathname);
  try {
    const data = await readFile(file);
    answer.setHeader("Content-Type", TYPES[extname(pathname)] ?? "application/octet-stream");
    answer.end(data);
  } catch {
    answer.writeHead(404).end();
  }
}

function promised() {
  let resolve;
  const promise = new Promise((done) => (resolve = done));
  return { promise, resolve };
}

test("Chromium shows the pictures of the Python decoder", async (t) => {
  const shown = new Map([...NAMES, "page"].map((name) => [name, promised()]));
  const server = createServer((request, answer) => serve(request, answer, shown));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const profile = await mkdtemp(join(tmpdir(), "aecodec-chromium-"));
  const address = `http://127.0.0.1:${server.address().port}/test.html`;
  const options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"];
  const browser = spawn("chromium", [...options, `--user-data-dir=${profile}`, address], {
    stdio: "ignore",
  });
  t.after(async () => {
    const ended = new Promise((resolve) => browser.on("exit", resolve));
    browser.kill();
    await ended;
    server.closeAllConnections();
    server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  });
  for (const name of NAMES) {
    const pixels = await shown.get(name).promise;
    const { levels, channels } = await readPng(new URL(`${name}.png`, conformance), false);
    assert.equal(pixels.length, (levels.length / channels) * 4, pixels.subarray(0, 200).toString());
    let worst = 0;
    for (let i = 0; i < levels.length; i++) {
      const at = Math.floor(i / channels) * 4 + (i % channels);
      worst = Math.max(worst, Math.abs(pixels[at] - levels[i]));
    }
    assert.ok(worst <= (name === "rgb-lossless" ? 0 : 1), `${name}: ${worst} levels`);
  }
  const page = (await shown.get("page").promise).toString();
  assert.match(page, /101 x 75/);
  assert.match(page, /RGBA/);
});
