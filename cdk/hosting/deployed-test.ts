/** Tries the hosted servers that are deployed: each function is invoked as whoever tests it by hand would. */

/** Invokes a function with an event; rejects where it did not answer. */
export type Invoke = (functionName: string, event: object) => Promise<unknown>;

/** A function of the deployed stack. */
export interface DeployedServer {
  readonly id: string;
  readonly functionName: string;
}

/** What came of trying a server. */
export interface Trial {
  readonly id: string;
  /** Why it does not serve; undefined if it does. */
  readonly problem?: string;
  readonly tools?: number;
  /** Time until the first answer, and of one after it, in milliseconds. */
  readonly firstMs: number;
  readonly nextMs?: number;
}

/** What an event that names no tool is answered with, which shows that the function runs stdio_host. */
const NO_TOOL = { code: -32603, message: "Internal error: Missing bedrockAgentCoreToolName in context" };

/** Tries one server: an event without a tool, then its tools as JSON-RPC, twice. */
export async function tryServer({ id, functionName }: DeployedServer, invoke: Invoke): Promise<Trial> {
  let firstMs = 0;
  const timed = async (event: object): Promise<readonly [answer: unknown, ms: number]> => {
    const started = performance.now();
    const answer = await invoke(functionName, event);
    return [answer, performance.now() - started];
  };
  try {
    const [refusal, ms] = await timed({ arguments: {} });
    firstMs = ms;
    const error = field(refusal, "error");
    if (field(error, "code") !== NO_TOOL.code || field(error, "message") !== NO_TOOL.message) {
      return { id, firstMs, problem: `an event without a tool was answered with ${short(refusal)}` };
    }
    const list = { jsonrpc: "2.0", id: 1, method: "tools/list", params: {} };
    const [listed, listMs] = await timed(list);
    firstMs += listMs;
    const tools = field(field(listed, "result"), "tools");
    if (!Array.isArray(tools)) return { id, firstMs, problem: `tools/list was answered with ${short(listed)}` };
    const [, nextMs] = await timed(list);
    return { id, firstMs, nextMs, tools: tools.length };
  } catch (error) {
    const { name, message } = error as Error;
    return { id, firstMs, problem: `${name}: ${message}` };
  }
}

/** What a person reads: a line for each server. */
export function table(trials: readonly Trial[]): string {
  const width = Math.max(6, ...trials.map(({ id }) => id.length));
  const ms = (value: number | undefined) => (value === undefined ? "-" : value.toFixed(0)).padStart(8);
  const line = ({ id, tools, firstMs, nextMs, problem }: Trial) => {
    const outcome = problem === undefined ? "ok" : "failed";
    const count = (tools === undefined ? "-" : String(tools)).padStart(5);
    const why = problem === undefined ? "" : `  ${problem}`;
    return `${id.padEnd(width)}  ${outcome.padEnd(6)}  ${count}  ${ms(firstMs)}  ${ms(nextMs)}${why}`;
  };
  const heading = `${"server".padEnd(width)}  ${"".padEnd(6)}  tools  first ms   next ms`;
  return [heading, ...trials.map(line)].join("\n");
}

/** The servers of a stack by its outputs: `Mcp…LambdaArn` has the ARN of a function. */
export function serversOfOutputs(outputs: ReadonlyMap<string, string>, prefix: string): readonly DeployedServer[] {
  return [...outputs]
    .filter(([name]) => /^Mcp\w+LambdaArn$/.test(name))
    .map(([, arn]) => arn.split(":").at(-1) ?? "")
    .map((functionName) => ({ functionName, id: functionName.replace(new RegExp(`^${prefix}`), "") }))
    .sort((one, other) => (one.id < other.id ? -1 : 1));
}

const field = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined;

function short(value: unknown): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length <= 300 ? text : `${text.slice(0, 300)}…`;
}
