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

/** An action group as it stands in the file. */
export interface ActionGroupFile {
  readonly name: string;
  readonly description: string;
  readonly handler: Extract<Handler, "agent_invoker" | "memory_manager" | "mcp_proxy">;
  readonly server_id?: string;
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

/** Reads a file; undefined, with the reasons reported, if it is not an agent. */
export function readAgentFile(file: string, report: Report): AgentFile | undefined {
  const document = parseDocument(readFileSync(file, "utf8"));
  for (const error of [...document.errors, ...document.warnings]) {
    report("", `not valid YAML: ${error.message.split("\n")[0]?.replace(/:$/, "") ?? error.code}`);
  }
  if (document.errors.length > 0) return undefined;
  const content: unknown = document.toJS();
  if (validate(content)) return content;
  for (const error of validate.errors ?? []) {
    const finding = describe(error);
    if (finding !== undefined) report(...finding);
  }
  return undefined;
}

/** Key path and reason of what the schema found; undefined for a finding that only repeats others. */
function describe(error: ErrorObject): [string, string] | undefined {
  const at = keyPath(error.instancePath);
  const params = error.params as Readonly<Record<string, unknown>>;
  const schema = error.parentSchema as { readonly description?: string; readonly properties?: object } | undefined;
  const value = JSON.stringify(error.data);
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
  return at === "" ? key : `${at}.${key}`;
}
