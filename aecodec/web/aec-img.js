/** `<aec-img src="photo.aec" alt="...">`: shows an .aec file as `<img>` does other pictures. */

import { decode } from "./aec.js";
import { writePng } from "./png.js";

const MOST_SIDE = 32_767; // of a canvas in Firefox; Chromium's are twice as large

/**
 * Shows a preview first, where there is one, and fires `preview`. Then it fires `load`, whose `detail`
 * is what `decode` gave, or `error`, whose `detail` is the error.
 */
export class AecImage extends HTMLElement {
  static observedAttributes = ["src", "alt"];
  #url = ""; // of a picture that the browser is to manage the colours of
  #asked = 0;

  connectedCallback() {
    this.setAttribute("role", "img");
    this.style.display ||= "inline-block";
  }

  disconnectedCallback() {
    URL.revokeObjectURL(this.#url);
  }

  /**
   * @param {string} name
   * @param {string | null} _before
   * @param {string | null} value
   */
  attributeChangedCallback(name, _before, value) {
    if (name === "alt") this.setAttribute("aria-label", value ?? "");
    else if (value) this.#load(value);
    else {
      this.#asked++; // what is being decoded is not wanted any more
      this.#show();
    }
  }

  /**
   * Show a file that is in memory.
   * @param {ArrayBuffer | Promise<ArrayBuffer>} data
   */
  async show(data) {
    const asked = ++this.#asked;
    try {
      const picture = await decode(await data, (preview) => {
        if (asked !== this.#asked) return;
        this.#show(canvasOf(preview));
        this.dispatchEvent(new CustomEvent("preview", { detail: preview }));
      });
      const shown = picture.icc ? await this.#image(picture) : canvasOf(picture);
      if (asked !== this.#asked) return; // another has been asked for since
      this.#show(shown);
      this.dispatchEvent(new CustomEvent("load", { detail: picture }));
    } catch (error) {
      if (asked !== this.#asked) return;
      this.#show(/** @type {Error} */ (error).message);
      this.dispatchEvent(new CustomEvent("error", { detail: error }));
    }
  }

  /** @param {string} src */
  #load(src) {
    const fetched = fetch(src).then((answer) => {
      if (!answer.ok) throw new Error(`${src}: ${answer.status} ${answer.statusText}`);
      return answer.arrayBuffer();
    });
    return this.show(fetched);
  }

  /** @param {import("./decode.js").Decoded} picture */
  async #image(picture) {
    const image = new Image();
    URL.revokeObjectURL(this.#url);
    image.src = this.#url = URL.createObjectURL(await writePng(picture));
    image.style.maxWidth = "100%";
    await image.decode();
    return image;
  }

  /** @param {...(Node | string)} content */
  #show(...content) {
    this.replaceChildren(...content);
  }
}

/**
 * A picture in its size, or its preview enlarged to that.
 * @param {{width: number, height: number, imageData: ImageData, scale?: number}} picture
 */
function canvasOf({ width, height, imageData, scale = 1 }) {
  if (Math.max(width, height) > MOST_SIDE) {
    throw new Error(`${width} x ${height} pixels are more than browsers show`);
  }
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  canvas.style.maxWidth = "100%";
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser has no canvas");
  if (scale === 1) {
    context.putImageData(imageData, 0, 0);
  } else {
    const small = document.createElement("canvas");
    [small.width, small.height] = [imageData.width, imageData.height];
    small.getContext("2d")?.putImageData(imageData, 0, 0);
    // Pixels at the right and at the bottom may lie beyond the picture in part.
    context.drawImage(small, 0, 0, small.width * scale, small.height * scale);
  }
  return canvas;
}

customElements.define("aec-img", AecImage);
