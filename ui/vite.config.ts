// The build is package data of dkron-api: relative addresses, because an Ingress may put a path before /ui/.
import { readdirSync, readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";

interface Package {
  name: string;
  version: string;
  license: string;
}

/** The packages whose code is in these modules, sorted by name. */
function packagesOf(modules: readonly string[]): Package[] {
  const names = modules.flatMap((id) => id.match(/.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1] ?? []);
  return [...new Set(names)].sort().map((name) => {
    const { version, license } = JSON.parse(readFileSync(new URL("package.json", folderOf(name)), "utf-8"));
    return { name, version, license };
  });
}

function folderOf(name: string): URL {
  return new URL(`node_modules/${name}/`, import.meta.url);
}

/** Their licenses: the file of each package, else the field of its package.json. */
function texts(packages: readonly Package[]): string {
  const each = packages.map(({ name, version, license }) => {
    const folder = folderOf(name);
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    const text = file ? readFileSync(new URL(file, folder), "utf-8").trim() : license;
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
  return each.join(`\n${"-".repeat(80)}\n\n`);
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
      name: "third-party",
      generateBundle(_options, bundle) {
        const modules = Object.values(bundle).flatMap((each) => (each.type === "chunk" ? each.moduleIds : []));
        const packages = packagesOf(modules);
        this.emitFile({ type: "asset", fileName: "THIRD_PARTY.txt", source: texts(packages) });
        // The bill of materials of a release is made from this.
        this.emitFile({ type: "asset", fileName: "packages.json", source: `${JSON.stringify(packages, null, 2)}\n` });
      },
    },
  ],
  server: {
    proxy: { "^/(v1|ns/[^/]+/v1)": process.env.DKRON_API ?? "http://127.0.0.1:8080" },
  },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
}));
