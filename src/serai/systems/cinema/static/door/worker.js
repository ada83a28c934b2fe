/* Keeps the check-in pages and their files on the device, so that they open without a network.
 *
 * With a network the page always comes from it: what is kept is for the other times. Files of the site carry the hash of
 * their content in their address, so a kept one is never old.
 */

const PAGES = "door-pages";
const FILES = "door-files";
const FILES_MAX = 200;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("message", (event) => {
  const { page, files } = event.data;
  event.waitUntil(keep(page, files, event.source));
});

async function keep(page, files, client) {
  const pages = await caches.open(PAGES);
  const kept = await caches.open(FILES);
  const missing = await Promise.all(files.map(async (file) => ((await kept.match(file)) ? null : file)));
  await kept.addAll(missing.filter(Boolean));
  const answer = await fetch(page, { redirect: "manual" });
  if (answer.ok) await pages.put(page, answer);
  const all = await kept.keys();
  await Promise.all(all.slice(0, Math.max(0, all.length - FILES_MAX)).map((file) => kept.delete(file)));
  client.postMessage({ kept: page });
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { pathname } = new URL(request.url);
  if (request.mode === "navigate") event.respondWith(pageOf(request));
  else if (request.method === "GET" && pathname.startsWith("/static/")) event.respondWith(fileOf(request));
});

async function pageOf(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await (await caches.open(PAGES)).match(request);
    if (kept) return kept;
    throw error;
  }
}

async function fileOf(request) {
  return (await (await caches.open(FILES)).match(request)) ?? fetch(request);
}
