/**
 * Files of agents, good and bad, as fast-check makes them; and what the reader of the CDK app says about one. The handlers
 * read the same files in Rust: run as a program, this writes tests/fixtures/agent-files.jsonl, which both sides check.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { parse, stringify } from "yaml";
import { agentsOf } from "../agents";
import { Mistake } from "../mistake";
import { ROOT } from "./support";

/** The committed cases. */
export const CASES = path.join(ROOT, "tests", "fixtures", "agent-files.jsonl");

const FILE = `name: database
description: Creates databases.
model: global.anthropic.claude-sonnet-4-5-20250929-v1:0
idle_session_seconds: 600
instruction: You create databases with one pipeline and report what it says.
action_groups:
  - name: pipelines
    description: Pipelines.
    handler: mcp_proxy
    server_id: pipelines
    functions:
      - name: execute_database_pipeline
        description: Creates a database.
        parameters:
          - { name: environment, type: string, description: Where., required: true, enum: [dev, test] }
          - { name: size, type: integer, description: How big., default: 3 }
          - { name: ratio, type: number, description: How full., enum: [1, 2.5], default: 1 }
          - { name: fast, type: boolean, description: Or slow., default: true }
          - { name: names, type: array, description: Which. }
`;
const TOOLS_FILE = `name: database
description: Uses databases.
model: global.anthropic.claude-sonnet-4-5-20250929-v1:0
idle_session_seconds: 600
instruction: You find the tool that does what was asked and call it once.
action_groups:
  - name: mcp-tools
    description: Tools.
    handler: mcp_proxy
    tools: { allow: ["*/*", "weather/get_forecast"], deny: ["pipelines/*"] }
    functions:
      - name: find_tools
        description: Finds tools.
        parameters:
          - { name: query, type: string, description: What., required: true }
          - { name: limit, type: integer, description: How many., default: 5 }
      - name: call_tool
        description: Calls a tool.
        parameters:
          - { name: server_id, type: string, description: Whose., required: true }
          - { name: tool, type: string, description: Which., required: true }
          - { name: arguments_json, type: string, description: With what. }
`;
/** The smallest one, since it is read with every case; the same as in the test of the handlers. */
const ORCHESTRATOR = `name: orchestrator
description: Decides.
model: anthropic.claude
idle_session_seconds: 600
instruction: You hand each wish to one of the specialists.
action_groups:
  - name: invoke
    description: Hands on.
    handler: agent_invoker
    functions:
      - name: invoke_agent
        description: Hands on.
        parameters: [{ name: agent_type, type: string, description: Who., enum_from: specialists }]
`;

/** Values around every rule there is. */
const VALUES: readonly unknown[] = [
  null, true, false, 0, 1, 3, -1, 2.5, 60, 59, 5400, 5401, 1e15, 2 ** 53, 1e21, -0, "", " ", "\t", "x", "X", "a_b", "a__b", "a-b", "a--b", "a_", "1a", "ä",
  "none", "dev", "dev ", "string", "integer", "number", "boolean", "array", "object", "specialists", "mcp_proxy", "memory_manager", "agent_invoker",
  "database", "pipelines", "true", "1", "null", "~", "yes", "no", "1_000", "0o17", "017", "2026-11-21", "{specialists}", "anthropic.claude", "anthropic.", "a.b:1",
  "x".repeat(40), "x".repeat(41), "x".repeat(63), "x".repeat(64), "x".repeat(100), "x".repeat(101), "x".repeat(200), "💥".repeat(200), "x".repeat(201),
  "x".repeat(460), "x".repeat(500), "x".repeat(501), "x".repeat(1200), "x".repeat(1201), "x".repeat(4000), "x".repeat(4001),
  "*/*", "a/b", "a-*/get_*", "A/b", "a_b/c", "a/b c", "*/", "/x", `${"a".repeat(64)}/b`, `a/${"b".repeat(65)}`, "find_tools", "call_tool",
  "query", "limit", "tool", "arguments_json", { allow: ["*/*"] }, { allow: [] }, { deny: ["a/b"] }, { allow: ["a/*"], deny: [] }, ["a/b"],
  [], ["a"], ["a", "a"], ["a", 1], [1, 1], [true], [null], [["a"]], {}, { a: 1 }, [{}],
]; // prettier-ignore
const KEYS: readonly string[] = [
  "name", "description", "model", "idle_session_seconds", "instruction", "action_groups", "handler", "server_id", "functions", "parameters", "type",
  "required", "enum", "enum_from", "default", "tools", "allow", "deny", "colour", "__proto__", "constructor", "",
]; // prettier-ignore
const PIECES: readonly string[] = [
  " ", "\n", "\t", ":", "- ", "#", "'", '"', "[", "]", "{", "}", ",", "|\n", ">-\n", "---\n", "...\n", "&a ", "*a", "!!str ", "!x ", "? ", "~", "0x1F", "0o17",
  "1e3", "60.0", ".inf", ".5", "+1", "yes", "<<: {name: x}\n", "\\", "%YAML 1.2\n", "\r\n", "\ufeff", "\u0085", "\u2028", "\0", "\x1b", "\x7f", "\x9b",
]; // prettier-ignore

type Node = Record<string, unknown> | unknown[];
const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null;

/** All places in a document: the object or array around each, and its key there. */
function places(node: Node): [Node, string][] {
  return Object.entries(node).flatMap(([key, value]): [Node, string][] => [
    [node, key],
    ...(isNode(value) ? places(value) : []),
  ]);
}

const changesOfDocument = fc.array(
  fc.record({
    at: fc.nat(),
    kind: fc.constantFrom("put", "put", "put", "add", "remove", "copy", "twice"),
    value: fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...VALUES) }, fc.jsonValue({ maxDepth: 2 })),
    key: fc.constantFrom(...KEYS),
  }),
  { maxLength: 3 },
);
const inDocument = fc.tuple(fc.constantFrom(FILE, TOOLS_FILE), changesOfDocument).map(([file, changes]) => {
  const document = parse(file) as Node;
  for (const { at, kind, value, key } of changes) {
    const all = places(document);
    const [parent, last] = all[at % all.length] ?? [document, "name"];
    const holder = parent as Record<string, unknown>;
    if (kind === "put") holder[last] = structuredClone(value);
    else if (kind === "copy") holder[last] = structuredClone(all[(at * 7 + 3) % all.length]?.[1] ?? null);
    else if (kind === "twice" && Array.isArray(parent)) parent.push(structuredClone(parent[Number(last)]));
    else if (kind === "remove" && Array.isArray(parent)) parent.splice(Number(last), 1);
    else if (kind === "remove") Reflect.deleteProperty(parent, last);
    else if (!Array.isArray(parent))
      Object.defineProperty(parent, key, {
        value: structuredClone(value),
        enumerable: true,
        configurable: true,
        writable: true,
      });
  }
  return stringify(document);
});

const inText = fc
  .array(
    fc.tuple(fc.nat(FILE.length - 1), fc.nat(8), fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 4 }))),
    {
      minLength: 1,
      maxLength: 2,
    },
  )
  .map((changes) => changes.reduce((text, [at, cut, piece]) => text.slice(0, at) + piece + text.slice(at + cut), FILE));

const traps = fc.oneof(
  fc
    .tuple(fc.constantFrom("[", "{a: ", "- ", "a:\n "), fc.integer({ min: 50, max: 3000 }))
    .map(([piece, n]) => piece.repeat(n)),
  fc.integer({ min: 2, max: 9 }).map((levels) => {
    const lines = Array.from({ length: levels }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]\n`);
    return `a0: &a0 [x]\n${lines.join("")}${FILE}`;
  }),
);

/** A file of an agent, changed somewhere, or not one at all. */
export const agentTexts = fc.oneof(
  { weight: 12, arbitrary: inDocument },
  { weight: 6, arbitrary: inText },
  { weight: 1, arbitrary: fc.string() },
  { weight: 1, arbitrary: traps },
);

/** What is wrong with the orchestrator beside this file, `database.yaml`; nothing if both are accepted. */
export function problemsOf(text: string): string[] {
  const environments = ["dev", "test", "staging", "prod"];
  try {
    agentsOf(
      "agents",
      [
        ["database.yaml", text],
        ["orchestrator.yaml", ORCHESTRATOR],
      ],
      { environments },
    );
  } catch (error) {
    if (error instanceof Mistake) return error.message.split("\n");
    throw error;
  }
  return [];
}

/** Only a deployment can know these: they are not rules of the file. */
export const isOfTheDeployment = (problem: string): boolean =>
  /: model: .* begins neither with a geography|is not in the setting environments/.test(problem);

if (require.main === module) {
  // Half of the cases are accepted: what is refused is easily made.
  const cases = fc
    .sample(agentTexts, { seed: 20261121, numRuns: 8000 })
    .map((text) => ({ text, problems: problemsOf(text) }));
  // The reader of the handlers takes an unquoted 1_000 for a number, as YAML 1.1 does, and has no setting for that.
  const agreed = cases.filter(({ text }) => !/[^'"]\b1_000\b/.test(text));
  const told = agreed.filter(({ text, problems }) => text.length < 1250 && !problems.some(isOfTheDeployment));
  const accepted = new Set(told.filter(({ problems }) => problems.length === 0).map(({ text }) => text));
  // Of the refused, those that are refused for different reasons.
  const refused = new Map(
    told.filter(({ problems }) => problems.length > 0).map(({ text, problems }) => [problems.join("\n"), text]),
  );
  const lines = (texts: Iterable<string>, verdict: boolean) =>
    [...texts].slice(0, 300).map((text) => `${JSON.stringify({ text, accepted: verdict })}\n`);
  writeFileSync(CASES, [...lines(accepted, true), ...lines(refused.values(), false)].join(""));
}
