/** One agent's YAML file: parsed, checked against agents/schema.json, and every finding put into words. */
import { readFileSync } from "node:fs";
import path from "node:path";
import Ajv2020, { type ErrorObject } from "ajv/dist/2020";
import { parseDocument } from "yaml";
import type { Handler } from "./names";

export type ParameterType = "string" | "integer" | "number" | "boolean" | "array";
export type Scalar = string | number | boolean;

/** A parameter as it stands in the file. */
export interface ParameterFile {
  readonly name: string;
  readonly type: ParameterType;
  readonly description: string;
  readonly required?: boolean;
  readonly enum?: readonly (string | number)[];
  readonly enum_from?: "specialists";
  readonly default?: Scalar;
}

/** A function as it stands in the file. */
export interface FunctionFile {
  readonly name: string;
  readonly description: string;
  readonly parameters?: readonly ParameterFile[];
}

/** Which tools of the registry an action group finds and calls: patterns `server/tool`, where `*` stands for any characters. */
export interface ToolRulesFile {
  readonly allow: readonly string[];
  readonly deny?: readonly string[];
}

/** An action group as it stands in the file. */
export interface ActionGroupFile {
  readonly name: string;
  readonly description: string;
  readonly handler: Extract<Handler, "agent_invoker" | "memory_manager" | "mcp_proxy">;
  readonly server_id?: string;
  readonly tools?: ToolRulesFile;
  readonly functions: readonly FunctionFile[];
}

/** An agent as it stands in the file. */
export interface AgentFile {
  readonly name: string;
  readonly description: string;
  readonly model: string;
  readonly idle_session_seconds: number;
  readonly instruction: string;
  readonly action_groups: readonly ActionGroupFile[];
}

/** Takes a finding: where in the file, and what is wrong there. */
export type Report = (keyPath: string, reason: string) => void;

const SCHEMA = path.join(__dirname, "..", "agents", "schema.json");
const ajv = new Ajv2020({ allErrors: true, verbose: true, allowUnionTypes: true, strictRequired: false });
const validate = ajv.compile<AgentFile>(JSON.parse(readFileSync(SCHEMA, "utf8")) as object);

/** Length as Bedrock counts it: code points, where JavaScript counts UTF-16 units. */
export const characters = (text: string): number => Array.from(text).length;

/** Reads the text of a file; undefined, with the reasons reported, if it is not an agent. */
export function readAgentFile(text: string, report: Report): AgentFile | undefined {
  const content = readYaml(text, (reason) => {
    report("", `not valid YAML: ${reason}`);
  });
  if (content === undefined) return undefined;
  if (validate(content)) return content;
  for (const error of validate.errors ?? []) {
    const finding = describe(error);
    if (finding !== undefined) report(...finding);
  }
  return undefined;
}

/** Characters that may not stand in a document (YAML 1.2.2, section 5.1), and the mark of a byte order beyond its beginning. */
const NOT_YAML = /[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u;

/** The document in a text; undefined, with the reasons told, if there is none. */
function readYaml(text: string, tell: (reason: string) => void): unknown {
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

/** Key path and reason of what the schema found; undefined for a finding that only repeats others. */
function describe(error: ErrorObject): [string, string] | undefined {
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
        `${(error.data as unknown[]).length} ${at.split(".").at(-1) ?? ""}, Bedrock allows at most ${String(params["limit"])}`,
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

/** `/action_groups/0/name` as `action_groups[0].name`. */
function keyPath(pointer: string): string {
  return pointer
    .split("/")
    .slice(1)
    .reduce((at, key) => (/^\d+$/.test(key) ? `${at}[${key}]` : join(at, key)), "");
}

function join(at: string, key: string): string {
  return at === "" ? oneLine(key) : `${at}.${oneLine(key)}`;
}
