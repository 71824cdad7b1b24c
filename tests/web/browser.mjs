// What a browser has and node has not, for modules of the page: files by fetch, and workers of the web.
//   node --import ./browser.mjs ...
import fs from "node:fs";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

const network = globalThis.fetch;
globalThis.fetch = async (url, options) =>
  String(url).startsWith("file:") ? new Response(fs.readFileSync(new URL(url))) : network(url, options);

globalThis.Worker = class {
  constructor(url) {
    this.worker = new Worker(new URL(import.meta.url), { workerData: url.href, execArgv: [] });
    this.worker.on("message", (data) => this.onmessage({ data }));
    this.worker.on("error", (error) => this.onerror(error));
  }

  postMessage(message) {
    this.worker.postMessage(message);
  }

  terminate() {
    this.worker.terminate();
  }
};

if (!isMainThread) {
  globalThis.postMessage = (message) => parentPort.postMessage(message);
  const early = [];
  const keep = (data) => early.push(data);
  parentPort.on("message", keep);
  await import(workerData);
  parentPort.off("message", keep);
  parentPort.on("message", (data) => globalThis.onmessage({ data }));
  early.forEach((data) => globalThis.onmessage({ data }));
}
