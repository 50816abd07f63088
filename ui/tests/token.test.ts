import { describe, expect, it } from "vitest";
import { endOf } from "../src/model/token";

const jwt = (payload: string) => `e30.${btoa(payload).replaceAll("=", "")}.c2ln`;

describe("the end of a token", () => {
  it.each([
    { of: "a JSON Web Token", token: jwt('{"exp":1795000000,"sub":"alice"}'), ends: 1_795_000_000_000 },
    { of: "one without an end", token: jwt('{"sub":"alice"}'), ends: undefined },
    { of: "one whose end is a text", token: jwt('{"exp":"soon"}'), ends: undefined },
    { of: "one that is no JSON", token: "a.b.c", ends: undefined },
    { of: "a token of the API", token: "dkron_7a1f", ends: undefined },
    { of: "none", token: "", ends: undefined },
  ])("is known of $of", ({ token, ends }) => expect(endOf(token)).toBe(ends));
});
