// An object as YAML. Pure. Texts that are not plain words are quoted as in JSON, which is YAML, too.

/** The object as a document of YAML. */
export function yaml(value: object): string {
  return block(value, "");
}

function block(value: object, indent: string): string {
  if (Array.isArray(value)) {
    return value
      .map((item) => {
        if (!isFilled(item)) return `${indent}- ${scalar(item)}\n`;
        return `${indent}- ${block(item, `${indent}  `).slice(indent.length + 2)}`;
      })
      .join("");
  }
  return Object.entries(value)
    .map(([key, inner]) => {
      const name = /^[A-Za-z_][A-Za-z0-9_.-]*$/.test(key) && !RESERVED.test(key) ? key : JSON.stringify(key);
      if (isFilled(inner)) return `${indent}${name}:\n${block(inner, `${indent}  `)}`;
      return `${indent}${name}: ${scalar(inner)}\n`;
    })
    .join("");
}

function isFilled(value: unknown): value is object {
  return value !== null && typeof value === "object" && Object.keys(value).length > 0;
}

const RESERVED = /^(y|n|yes|no|on|off|true|false|null|~)$/i;
const PLAIN_TEXT = /^[A-Za-z/][A-Za-z0-9/_.-]*$/;

function scalar(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return PLAIN_TEXT.test(value) && !RESERVED.test(value) ? value : JSON.stringify(value);
}
