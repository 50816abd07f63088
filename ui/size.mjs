// Fails if what a browser loads for the first view is larger than its budget. Bytes after gzip.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const BUDGET = { js: 90 * 1024, css: 15 * 1024 };
const built = process.env.UI_BUILD ?? fileURLToPath(new URL("../api/dkron_api/assets/ui", import.meta.url));
const folder = pathToFileURL(`${built}/`);
const index = readFileSync(new URL("index.html", folder), "utf-8");
const first = new Set([...index.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(([, name]) => name));
const sizes = { js: 0, css: 0 };
for (const name of readdirSync(new URL("assets/", folder))) {
  const kind = name.split(".").pop();
  if (kind in sizes && first.has(`assets/${name}`)) {
    sizes[kind] += gzipSync(readFileSync(new URL(`assets/${name}`, folder)), { level: 9 }).length;
  }
}
for (const [kind, size] of Object.entries(sizes)) {
  console.log(`${kind}: ${size} of ${BUDGET[kind]} bytes`);
  if (size === 0 || size > BUDGET[kind]) process.exitCode = 1;
}
