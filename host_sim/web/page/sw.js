// Keeps the page, so that it works without a connection. files.js is written by the build: FILES, all that the page needs at
// once, and VERSION, which changes with any of them.
importScripts("files.js");

const NAME = `tinyprop ${VERSION}`;

addEventListener("install", (event) => {
  event.waitUntil(keep());
});

addEventListener("activate", (event) => {
  event.waitUntil(forgetOthers());
});

addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && new URL(url).origin === location.origin) {
    event.respondWith(answer(event.request));
  }
});

async function keep() {
  const cache = await caches.open(NAME);
  await cache.addAll(FILES.map((file) => new Request(file, { cache: "no-cache" })));
  await skipWaiting();
}

async function forgetOthers() {
  for (const name of await caches.keys()) {
    if (name.startsWith("tinyprop ") && name !== NAME) {
      await caches.delete(name);
    }
  }
  await clients.claim();
}

// What was kept, else what the server has, which is kept then: large parts that not everybody asks for.
async function answer(request) {
  const cache = await caches.open(NAME);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (kept) {
    return kept;
  }
  const response = await fetch(request);
  if (response.ok) {
    await cache.put(request, response.clone()).catch(() => {}); // it may be full; the answer is good all the same
  }
  return response;
}
