// The build is package data of dkron-api: relative addresses, because an Ingress may put a path before /ui/.
import { readdirSync, readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";

const SHIPPED = [
  "preact",
  "@preact/signals",
  "@preact/signals-core",
  "wouter-preact",
  "regexparam",
  "openapi-fetch",
  "uplot",
  "js-yaml",
];

/** The licenses of what the build contains; of a package without such a file, what its package.json says. */
function licenses() {
  const texts = SHIPPED.map((name) => {
    const folder = new URL(`node_modules/${name}/`, import.meta.url);
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    const { version, license } = JSON.parse(readFileSync(new URL("package.json", folder), "utf-8"));
    const text = file ? readFileSync(new URL(file, folder), "utf-8").trim() : license;
    return `${name} ${version}\n\n${text}\n`;
  });
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}

export default defineConfig(({ command }) => ({
  base: command === "serve" ? "/ui/" : "./",
  build: {
    outDir: process.env.UI_BUILD ?? "../api/dkron_api/assets/ui",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  plugins: [
    {
      name: "licenses",
      generateBundle() {
        this.emitFile({ type: "asset", fileName: "licenses.txt", source: licenses() });
      },
    },
  ],
  server: {
    proxy: { "^/(v1|ns/[^/]+/v1)": process.env.DKRON_API ?? "http://127.0.0.1:8080" },
  },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
}));
