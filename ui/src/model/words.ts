// Sentences of the API in the words of the page. Pure.

/** Fields of the API that a sentence may name, with what the forms call them. */
const FIELDS: readonly [RegExp, string][] = [
  [/\bspec\.maxRuns\b|\bmax_runs\b/g, "the limit"],
  [/\bspec\.selector\b/g, "the labels"],
  [/\bspec\.parallelism\b/g, "“Runs at the same time”"],
];
/** Words after which a sentence is one for people: any other first word may be a name. */
const BEGINS = /^(the|there|an?|no|it|this|another|only)\b/;

/** A sentence that names fields as the forms do. */
export function inFormWords(sentence: string): string {
  return FIELDS.reduce((text, [field, words]) => text.replace(field, words), sentence);
}

/** A sentence with its full stop, and a capital letter unless it begins with a name. */
export function asSentence(text: string): string {
  const begun = BEGINS.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.!?…:]$/.test(begun) || !begun ? begun : `${begun}.`;
}
