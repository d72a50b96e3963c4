/** One agent's YAML file: parsed, and checked against agents/schema.json. */
import { readFileSync } from "node:fs";
import path from "node:path";
import Ajv2020 from "ajv/dist/2020";
import type { Handler } from "./names";
import { describe, readYaml, type Report } from "./yaml-file";

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

const SCHEMA = path.join(__dirname, "..", "agents", "schema.json");
const ajv = new Ajv2020({ allErrors: true, verbose: true, allowUnionTypes: true, strictRequired: false });
const validate = ajv.compile<AgentFile>(JSON.parse(readFileSync(SCHEMA, "utf8")) as object);

/** Reads the text of a file; undefined, with the reasons reported, if it is not an agent. */
export function readAgentFile(text: string, report: Report): AgentFile | undefined {
  const content = readYaml(text, (reason) => {
    report("", `not valid YAML: ${reason}`);
  });
  if (content === undefined) return undefined;
  if (validate(content)) return content;
  for (const error of validate.errors ?? []) {
    const finding = describe(error, "Bedrock");
    if (finding !== undefined) report(...finding);
  }
  return undefined;
}
