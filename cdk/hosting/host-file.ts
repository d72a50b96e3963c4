/** `stdio_host.json`: what the host is told about the server that it runs; servers/src/stdio_host/host/file.rs reads it. */
import path from "node:path";
import { TASK_ROOT } from "./entry-point";
import type { Interpreter } from "./programs";
import type { HostedServer } from "./server";

/** Name of the file in a package. */
export const HOST_FILE = "stdio_host.json";

/** Where programs are in Lambda's runtimes. Source: AWS Lambda, "Defined runtime environment variables", PATH. */
const PATH = "/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin";

/** The file's text. `start` is the program's file in the package, `interpreter` what runs it on this machine. */
export function hostFile(server: HostedServer, start: string, interpreter?: Interpreter): string {
  const { program } = server;
  const runs = { python: ["python"], node: ["node"], binary: [] }[program.kind];
  const prefix = interpreter === undefined || program.kind === "binary" ? runs : [interpreter.path];
  const own = program.kind === "python" ? pythonEnvironment(interpreter) : {};
  const content = {
    server_id: server.id,
    server_name: server.name,
    allowed_origins: server.allowedOrigins,
    command: [...prefix, `${TASK_ROOT}/${start}`, ...server.arguments],
    env: sorted({ ...own, ...server.environment }),
    secrets: server.secrets,
    cwd: server.workingDirectory,
    roots: server.roots,
    isolation: server.isolation,
    aws_credentials: server.awsCredentials,
    client_requests: server.clientRequests,
    replay: server.replay,
    start_timeout: server.startTimeoutSeconds,
  };
  return JSON.stringify(content, undefined, 2) + "\n";
}

/** The packages are found by it, their programs too, and nothing is tried that a read-only directory refuses. */
function pythonEnvironment(interpreter: Interpreter | undefined): Record<string, string> {
  const beside = interpreter === undefined ? "" : `:${path.dirname(interpreter.path)}`;
  return {
    PATH: `${TASK_ROOT}/python/bin${beside}:${PATH}`,
    PYTHONDONTWRITEBYTECODE: "1",
    PYTHONNOUSERSITE: "1",
    PYTHONPATH: `${TASK_ROOT}/python`,
  };
}

const sorted = (variables: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(variables).sort(([a], [b]) => (a < b ? -1 : 1)));
