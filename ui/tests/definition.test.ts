import { describe, expect, test } from "vitest";
import fields from "../../api/dkron_api/assets/fields.json";
import { readYaml, yamlOf } from "../src/model/definition";
import { nameOfSetting } from "../src/model/settings";

describe("a definition in YAML", () => {
  test("is what it was written from", () => {
    const draft = {
      name: "nightly",
      schedule: "0 30 2 * * *",
      retries: 2,
      disabled: false,
      tags: null,
      starts_at: "2026-12-01T00:00:00Z",
      executor_config: { command: "a: b\n- c\n", shell: "true", timeout: "0010" },
    };
    expect(readYaml(yamlOf(draft))).toEqual({ draft });
  });

  test("may be the manifest of a DkronJob", () => {
    const text = `apiVersion: dkron.io/v1alpha1
kind: DkronJob
metadata: {name: nightly, namespace: team-a}
spec: {displayName: Nightly, parentJob: report, executorConfig: {command: date}}`;
    const draft = {
      name: "nightly",
      displayname: "Nightly",
      parent_job: "report",
      executor_config: { command: "date" },
    };
    expect(readYaml(text)).toEqual({ draft });
  });

  test.each([
    { name: "no mapping", text: "- a", why: "A job is a mapping" },
    { name: "nothing", text: "", why: "" },
    { name: "no YAML", text: "a: [", why: "in line" },
    { name: "another kind", text: "kind: CronJob", why: "This is a CronJob" },
    { name: "a manifest without a spec", text: "kind: DkronJob", why: "no spec" },
    { name: "what REST has no field for", text: "kind: DkronJob\nspec: {jobTemplate: {}}", why: "apply this manifest" },
    { name: "a text that grows", text: `a: &a [${"*b, ".repeat(40)}]\nb: &b x`, why: "YAML" },
    { name: "many aliases", text: `b: &b x\na: [${"*b, ".repeat(40)}]`, why: "alias" },
    { name: "a deep one", text: "[".repeat(50), why: "YAML" },
    { name: "a tag of a language", text: "a: !!js/function 'x'", why: "YAML" },
  ])("is refused with a sentence: $name", ({ text, why }) => {
    const found = readYaml(text);
    expect("error" in found && found.error).toContain(why);
  });
});

test.each(fields.executors.map(({ name, keys }) => ({ name, keys: keys.map((key) => key.name) })))(
  "each setting of $name has its own name for people",
  ({ keys }) => {
    expect(keys.filter((key) => !nameOfSetting(key))).toEqual([]);
    const names = new Set(keys.map(nameOfSetting));
    expect(names.size).toBe(keys.length);
  },
);
