/* Scanning with the camera, where the browser can read codes (BarcodeDetector). The field beside it is always there. */

const LOOK_EVERY_MS = 120;
/** A code that stays in the picture is one scan; it must be gone for so long before it counts again. */
const GONE_MS = 1_500;

/** Whether this browser can. */
export async function canScan() {
  if (!("BarcodeDetector" in globalThis) || !navigator.mediaDevices) return false;
  return (await globalThis.BarcodeDetector.getSupportedFormats()).includes("qr_code");
}

export class Camera {
  /** `seen(text)` is told each code once. */
  constructor(video, seen) {
    this.video = video;
    this.seen = seen;
    this.last = { text: "", at: 0 };
  }

  /** Rejects with the browser's reason (NotAllowedError, NotFoundError ...). */
  async start() {
    this.stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    this.detector = new globalThis.BarcodeDetector({ formats: ["qr_code"] });
    this.video.srcObject = this.stream;
    await this.video.play();
    this.awake = await navigator.wakeLock?.request("screen").catch(() => null);
    this.timer = setTimeout(() => this.#look(), LOOK_EVERY_MS);
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = null;
    this.awake?.release();
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.video.srcObject = null;
  }

  async #look() {
    const found = await this.detector.detect(this.video).catch(() => []);
    if (this.timer === null) return;
    if (found.length) this.#saw(found[0].rawValue);
    this.timer = setTimeout(() => this.#look(), LOOK_EVERY_MS);
  }

  #saw(text) {
    const again = text === this.last.text && performance.now() - this.last.at < GONE_MS;
    this.last = { text, at: performance.now() };
    if (!again) this.seen(text);
  }
}
