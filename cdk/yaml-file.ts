/** YAML files that people write: parsed strictly, and what a schema finds in them put into words. */
import type { ErrorObject } from "ajv/dist/2020";
import { parseDocument } from "yaml";

/** Takes a finding: where in the file, and what is wrong there. */
export type Report = (keyPath: string, reason: string) => void;

/** Length as AWS counts it: code points, where JavaScript counts UTF-16 units. */
export const characters = (text: string): number => Array.from(text).length;

/** Characters that may not stand in a document (YAML 1.2.2, section 5.1), and the mark of a byte order beyond its beginning. */
const NOT_YAML = /[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u;

/** The document in a text; undefined, with the reasons told, if there is none. */
export function readYaml(text: string, tell: (reason: string) => void): unknown {
  const strange = NOT_YAML.exec(text.replace(/^\ufeff/, ""))?.[0];
  if (strange !== undefined) {
    tell(
      `the character U+${(strange.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")} may not stand in it`,
    );
    return undefined;
  }
  try {
    const document = parseDocument(text);
    const findings = [...document.errors, ...document.warnings];
    for (const error of findings.slice(0, 10)) tell(oneLine(error.message.replace(/:\n[^]*/, "")));
    return findings.length === 0 ? (document.toJS() ?? null) : undefined;
  } catch (error) {
    // Too deep for the parser, or more aliases than it resolves.
    tell(oneLine((error as Error).message));
    return undefined;
  }
}

/** At most `limit` characters on one line, for messages that quote a file. */
export function oneLine(text: string, limit = 200): string {
  const start = Array.from(text.slice(0, 2 * limit))
    .slice(0, limit)
    .join("");
  return start.replace(/\p{Cc}/gu, " ") + (start.length < text.length ? "…" : "");
}

/** Key path and reason of what the schema found; undefined for a finding that only repeats others. `authority` sets the limits. */
export function describe(error: ErrorObject, authority: string): [string, string] | undefined {
  const at = keyPath(error.instancePath);
  const params = error.params as Readonly<Record<string, unknown>>;
  const schema = error.parentSchema as { readonly description?: string; readonly properties?: object } | undefined;
  const value = oneLine(JSON.stringify(error.data));
  switch (error.keyword) {
    case "if":
      return undefined;
    case "additionalProperties":
      return [
        join(at, String(params["additionalProperty"])),
        `unknown key, known are ${Object.keys(schema?.properties ?? {}).join(", ")}`,
      ];
    case "required":
      return [join(at, String(params["missingProperty"])), "missing"];
    case "maxItems":
      return [
        at,
        `${(error.data as unknown[]).length} ${at.split(".").at(-1) ?? ""}, ${authority} allows at most ${String(params["limit"])}`,
      ];
    case "minItems":
      return [at, "empty, there must be at least one"];
    case "maxLength":
      return [at, `${characters(error.data as string)} characters, at most ${String(params["limit"])} are allowed`];
    case "minLength":
      return [at, "empty"];
    case "minimum":
    case "maximum":
      return [at, `${value} is not allowed, it must be ${String(params["comparison"])} ${String(params["limit"])}`];
    case "enum":
      return [at, `${value} is not allowed, it must be one of ${(params["allowedValues"] as string[]).join(", ")}`];
    case "const":
      return [at, `${value} is not allowed, it must be ${String(params["allowedValue"])}`];
    case "type":
      return [at, `${value} is not allowed, it must be of type ${[params["type"]].flat().join(" or ")}`];
    case "pattern":
      return [at, `${value} is not allowed: ${schema?.description ?? String(params["pattern"])}`];
    default:
      return [at, schema?.description ?? error.message ?? error.keyword];
  }
}

/** `/action_groups/0/name` as `action_groups[0].name`; RFC 6901 has `~1` for a slash and `~0` for a tilde. */
function keyPath(pointer: string): string {
  return pointer
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce((at, key) => (/^\d+$/.test(key) ? `${at}[${key}]` : join(at, key)), "");
}

function join(at: string, key: string): string {
  return at === "" ? oneLine(key) : `${at}.${oneLine(key)}`;
}
