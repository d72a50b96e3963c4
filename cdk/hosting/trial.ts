/** Runs a package as Lambda would, and talks MCP to it by JSON-RPC events. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, lstatSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import type { Package } from "./package";
import { RuntimeApi } from "./runtime-api";
import type { HostedServer } from "./server";
import type { Tool } from "./tools";

/** Which of the ways of Lambda the host is started in. */
export type Way =
  /** `bootstrap` of a custom runtime. */
  | "custom"
  /** In place of a managed runtime's own client, which gives it the interpreter as its first argument. */
  | "wrapper";

/** What came of a trial. */
export interface Trial {
  /** Why the server is no good; undefined if it is. */
  readonly problem?: string;
  readonly tools: readonly Tool[];
  /** What the server says that it speaks and is called. */
  readonly protocolVersion?: string;
  /** Milliseconds from the start of the process to the answer to `initialize`. */
  readonly coldMs?: number;
  /** Median of ten further `tools/list`, in milliseconds. */
  readonly warmMs?: number;
}

/** Version in which the trial speaks to the host. */
const PROTOCOL = "2025-11-25";
const WARM_CALLS = 10;
/** Pages of tools that a server may have. */
const MAX_PAGES = 100;

/** Starts the host with a package, asks for all tools, and stops it. Never throws because of the server. */
export async function tryServer(server: HostedServer, made: Package, way: Way): Promise<Trial> {
  // A server that is kept for one caller needs to be told of one.
  const api = new RuntimeApi(server.isolation === "caller" ? "servers-verify" : undefined);
  const address = await api.start();
  const before = snapshot(made.directory);
  setWritable(made.directory, false);
  const started = performance.now();
  const program = [path.join(made.directory, "bootstrap"), ...(way === "wrapper" ? wrapperArguments(made) : [])];
  const [first = "", ...rest] = [...sealed(made.directory), ...program];
  const child = spawn(first, rest, {
    cwd: made.directory,
    env: environment(server, made, address),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = listen(child);
  child.on("error", (error) => {
    api.fail(`the host cannot be started: ${error.message}`);
  });
  child.on("exit", (code, signal) => {
    api.fail(`the host ended with ${signal ?? `status ${code ?? "?"}`}`);
  });
  try {
    const trial = await talk(api, server, started);
    const written = differences(before, snapshot(made.directory));
    if (written.length === 0)
      return trial.problem === undefined ? trial : { ...trial, problem: why(trial.problem, said()) };
    // It is not the package that was made any more.
    rmSync(path.dirname(made.directory), { recursive: true, force: true });
    return { ...trial, problem: `it wrote into its package: ${written.slice(0, 3).join(", ")}` };
  } finally {
    await stop(child);
    if (existsSync(made.directory)) setWritable(made.directory, true);
    await api.stop();
  }
}

/** Mounts a directory over itself, read-only for everybody, and goes on as another program. */
const SEAL = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';

/**
 * The beginning of a command that cannot write to a directory, even as root, to which modes of files mean nothing. Empty where
 * this machine has no such thing: then only what was written is found afterwards.
 */
function sealed(directory: string): string[] {
  const user = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  const command = ["unshare", ...user, "--mount", "--propagation", "private", "sh", "-c", SEAL, directory];
  const [program = "", ...rest] = command;
  return spawnSync(program, [...rest, "true"], { stdio: "ignore" }).status === 0 ? command : [];
}

/** As the bootstrap of a managed runtime calls its wrapper. */
function wrapperArguments({ interpreter }: Package): string[] {
  return interpreter === undefined ? [] : [interpreter.path, "/var/runtime/bootstrap"];
}

/** What Lambda sets, and nothing of this process. */
function environment(
  { id, memoryMb }: HostedServer,
  { directory, interpreter }: Package,
  address: string,
): NodeJS.ProcessEnv {
  const beside = interpreter === undefined ? [] : [path.dirname(interpreter.path)];
  return {
    AWS_LAMBDA_RUNTIME_API: address,
    AWS_LAMBDA_FUNCTION_NAME: `mcp-server-${id}`,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    AWS_REGION: "us-east-1",
    AWS_DEFAULT_REGION: "us-east-1",
    // Valid in form and nowhere else: Lambda always has some, and what wants an account shows itself.
    AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
    AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    AWS_SESSION_TOKEN: "none",
    LAMBDA_TASK_ROOT: directory,
    PATH: [...beside, "/usr/local/bin", "/usr/bin", "/bin"].join(":"),
    LANG: "en_US.UTF-8",
    TZ: ":UTC",
    STAGE: "verify",
    SECRET_PREFIX: `switchyard/verify/mcp/${id}/`,
    RESPONSE_MODE: "buffer",
  };
}

async function talk(api: RuntimeApi, server: HostedServer, started: number): Promise<Trial> {
  const timeout = server.timeoutSeconds * 1000;
  let id = 0;
  const ask = async (method: string, params: object): Promise<Result> => {
    id += 1;
    return read(method, await api.invoke({ jsonrpc: "2.0", id, method, params }, timeout));
  };
  const hello = await ask("initialize", {
    protocolVersion: PROTOCOL,
    capabilities: {},
    clientInfo: { name: "servers-verify", version: "1.0.0" },
  });
  if (typeof hello === "string") return { problem: hello, tools: [] };
  const coldMs = performance.now() - started;
  const tools: Tool[] = [];
  let cursor: unknown;
  for (let page = 0; page === 0 || (cursor !== undefined && page < MAX_PAGES); page += 1) {
    const listed = await ask("tools/list", cursor === undefined ? {} : { cursor });
    if (typeof listed === "string") return { problem: listed, tools: [], coldMs };
    tools.push(...((listed["tools"] ?? []) as Tool[]));
    cursor = listed["nextCursor"] ?? undefined;
  }
  const times: number[] = [];
  for (let call = 0; call < WARM_CALLS; call += 1) {
    const before = performance.now();
    const listed = await ask("tools/list", {});
    if (typeof listed === "string") return { problem: listed, tools, coldMs };
    times.push(performance.now() - before);
  }
  const warmMs = times.sort((a, b) => a - b)[Math.floor(WARM_CALLS / 2)] ?? 0;
  return { tools, protocolVersion: String(hello["protocolVersion"]), coldMs, warmMs };
}

/** A result, or why there is none. */
type Result = Readonly<Record<string, unknown>> | string;

function read(method: string, reply: { readonly kind: string; readonly body: string }): Result {
  let body: unknown;
  try {
    body = JSON.parse(reply.body);
  } catch {
    return `${method}: ${reply.body}`;
  }
  const { result, error, errorMessage } = (body ?? {}) as Readonly<Record<string, unknown>>;
  if (reply.kind === "response" && typeof result === "object" && result !== null) return result as Result;
  const message = (error as { readonly message?: unknown } | undefined)?.message ?? errorMessage;
  return `${method}: ${typeof message === "string" ? message : reply.body}`;
}

/** The last lines that a process wrote. */
function listen(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text = (text + chunk).slice(-20_000);
    });
  }
  return () => text;
}

/** Lines in which programs say what is wrong. */
const COMPLAINT = /\b(ERROR|CRITICAL|FATAL)\b|^[\w.]*(Error|Exception)\b/;

/** What went wrong, with the last thing that the server said about it. */
function why(problem: string, log: string): string {
  const lines = log.trim().split("\n").map(lineOf);
  const last = lines.findLast((line) => COMPLAINT.test(line));
  return last === undefined ? problem : `${problem} (${last.trim().slice(0, 200)})`;
}

/** What a structured line of the host's log holds: the server's own line, or the host's message. */
function lineOf(text: string): string {
  try {
    const { line, message } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return typeof line === "string" ? line : typeof message === "string" ? message : text;
  } catch {
    return text;
  }
}

/** How long the host has to end its server, which is in a process group of its own, in milliseconds. */
const GRACE = 2000;

/** Ends the host: asked first, so that it ends its server and what that has started, and killed if it does not. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const killing = setTimeout(() => child.kill("SIGKILL"), GRACE);
  await ended;
  clearTimeout(killing);
}

/** Directories and files with their sizes and times. */
function snapshot(directory: string): Map<string, string> {
  return new Map(
    readdirSync(directory, { recursive: true, withFileTypes: true }).map((entry) => {
      const file = path.join(entry.parentPath, entry.name);
      const { size, mtimeMs } = lstatSync(file);
      return [path.relative(directory, file), entry.isDirectory() ? "directory" : `${size} ${mtimeMs}`] as const;
    }),
  );
}

function differences(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((name) => before.get(name) !== after.get(name))
    .sort();
}

/** Files of a package are read-only already. */
function setWritable(directory: string, writable: boolean): void {
  const mode = writable ? 0o755 : 0o555;
  const directories = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.join(entry.parentPath, entry.name));
  for (const one of [directory, ...directories]) chmodSync(one, mode);
}
