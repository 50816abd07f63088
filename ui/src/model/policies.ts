// The rules of a policy, which the API keeps as a text of JSON. Pure.

/** Paths with what they grant, in words. Rules that cannot be read have none. */
export function rulesOf(text: string): [string, string][] {
  try {
    const { path = {} } = JSON.parse(text) as { path?: Record<string, { capabilities?: string[] }> };
    return Object.entries(path).map(([each, rule]) => [each, (rule.capabilities ?? []).join(", ")]);
  } catch {
    return [];
  }
}

/** The same JSON with line breaks, and each list on one line; a text that is none stays as it is. */
export function indented(text: string): string {
  try {
    const spread = JSON.stringify(JSON.parse(text), null, 2);
    return spread.replace(/\[\s+([^[\]{}]*?)\s+\]/g, (_, list: string) => `[${list.replace(/,\s*\n\s*/g, ", ")}]`);
  } catch {
    return text;
  }
}
