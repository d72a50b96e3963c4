/** `make servers-verify`: starts every hosted server as Lambda would, and tells what it can do and how quickly. */
import path from "node:path";
import { Mistake } from "../mistake";
import { pythonOf } from "./locks";
import { megabytes, packageServer, type Package } from "./package";
import type { Workplace } from "./programs";
import type { HostedServer } from "./server";
import { table } from "./table";
import { gatewayProblem, writeTools } from "./tools";
import { tryServer, type Trial, type Way } from "./trial";

/** What was found out about one server. */
interface Finding {
  readonly server: HostedServer;
  readonly size?: number;
  readonly trial: Trial;
  /** What else a person should know. */
  readonly note?: string;
}

/** Columns of the table. */
export const HEADING = ["server", "outcome", "tools", "cold ms", "warm ms", "MB"] as const;

/** Tries servers one after the other; the result is the exit status. */
export async function verify(
  place: Workplace,
  servers: readonly HostedServer[],
  terminal: NodeJS.WritableStream,
): Promise<number> {
  const host = hostHere(place);
  const findings: Finding[] = [];
  for (const server of servers) {
    const finding = await tryOne(place, server, host);
    findings.push(finding);
    terminal.write(`${server.id}: ${outcomeOf(finding)}${finding.note ?? ""}\n`);
  }
  terminal.write(`\n${table(HEADING, findings.map(row))}\n`);
  return findings.every(({ trial }) => trial.problem === undefined) ? 0 : 1;
}

/** stdio_host as `make test` and the local stage build it, or the file that STDIO_HOST names. */
export function hostHere({ root, environment }: Workplace): string {
  const set = environment["STDIO_HOST"] ?? "";
  if (set !== "") return path.resolve(root, set);
  return path.join(root, "target", environment["CARGO_BUILD_TARGET"] ?? "", "debug", "stdio_host");
}

async function tryOne(place: Workplace, server: HostedServer, host: string): Promise<Finding> {
  let made: Package;
  let trial: Trial;
  try {
    made = packageServer(place, server, { kind: "here", host });
    trial = await tryServer(server, made, "custom");
    if (trial.problem === undefined) trial = { ...trial, ...(await problemOfWrapper(place, server, host, trial)) };
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    return { server, trial: { problem: error.message, tools: [] } };
  }
  const finding = { server, size: made.serverBytes, trial };
  if (trial.problem !== undefined) return finding;
  if (!isLikeLambda(server, made)) {
    const note = ` (tools.json is left as it is: Python ${made.interpreter?.version ?? "?"} is not ${server.program.runtime})`;
    return { ...finding, note };
  }
  writeTools(place, server, trial.tools, made.serverBytes);
  return finding;
}

/** Pythons before 3.13 keep the indentation of descriptions: what is committed comes from the version that Lambda runs. */
const isLikeLambda = ({ program }: HostedServer, { interpreter }: Package): boolean =>
  program.kind !== "python" || interpreter?.version.startsWith(`${pythonOf(program)}.`) === true;

/** What is wrong when the host takes the place of a managed runtime's client, and with the names of the tools. */
async function problemOfWrapper(
  place: Workplace,
  server: HostedServer,
  host: string,
  { tools }: Trial,
): Promise<Pick<Trial, "problem">> {
  const long = gatewayProblem(server, tools);
  if (long !== undefined) return { problem: long };
  if (server.program.kind === "binary") return {};
  const way: Way = "wrapper";
  const wrapped = await tryServer(server, packageServer(place, server, { kind: "here", host, wrapped: true }), way);
  if (wrapped.problem !== undefined) return { problem: `as an exec wrapper: ${wrapped.problem}` };
  if (wrapped.tools.length === tools.length) return {};
  return { problem: `as an exec wrapper it has ${wrapped.tools.length} tools, and ${tools.length} otherwise` };
}

const outcomeOf = ({ trial: { problem } }: Pick<Finding, "trial">): string =>
  problem === undefined ? "ok" : problem.replaceAll(/\s+/g, " ").slice(0, 160);

function row({ server, size, trial }: Finding): string[] {
  const { problem, tools, coldMs, warmMs } = trial;
  const count = problem === undefined ? String(tools.length) : "-";
  return [
    server.id,
    outcomeOf({ trial }),
    count,
    coldMs === undefined ? "-" : coldMs.toFixed(0),
    warmMs === undefined ? "-" : warmMs.toFixed(1),
    size === undefined ? "-" : megabytes(size),
  ];
}
