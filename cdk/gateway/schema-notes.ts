/** Rules of JSON Schema in words, for a form that cannot hold them. */

/** Longest list of values, default or pattern that is told, in characters. */
const LONGEST = 400;

type Schema = Readonly<Record<string, unknown>>;

/** Each keyword that says something a model needs to know, and how it is said. */
const WORDS: Readonly<Record<string, (value: unknown) => string | undefined>> = {
  enum: (values) => (Array.isArray(values) ? told("One of", listed(values as unknown[])) : undefined),
  const: (value) => told("Always", json(value)),
  default: (value) => (value === null ? undefined : told("Default", json(value))),
  format: (value) => told("Format", value),
  pattern: (value) => told("Pattern", value),
  minimum: (value) => told("At least", value),
  exclusiveMinimum: (value) => told("More than", value),
  maximum: (value) => told("At most", value),
  exclusiveMaximum: (value) => told("Less than", value),
  minLength: (value) => told("Shortest length", value),
  maxLength: (value) => told("Longest length", value),
  minItems: (value) => told("Least number of items", value),
  maxItems: (value) => told("Largest number of items", value),
};

/** What a schema demands beyond types and properties, a phrase each. */
export function notes(schema: Schema): readonly string[] {
  return Object.entries(WORDS)
    .filter(([keyword]) => Object.hasOwn(schema, keyword))
    .map(([keyword, say]) => say(schema[keyword]))
    .filter((phrase) => phrase !== undefined);
}

function told(what: string, value: unknown): string | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const text = String(value);
  return text === "" || text.length > LONGEST ? undefined : `${what}: ${text}`;
}

function listed(values: readonly unknown[]): string {
  return values
    .filter((value) => value !== null)
    .map((value) => (typeof value === "string" ? value : json(value)))
    .join(", ");
}

/** A value of a JSON document, as it was written. */
function json(value: unknown): string {
  return JSON.stringify(value);
}
