/**
 * Locks: the exact packages of every hosted server, with their checksums, in `hosting/{id}/`. They are committed, so that a
 * deployment is the same today and in a year, and a change of them is seen in review.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Mistake } from "../mistake";
import { splitNpm } from "./program";
import { npm, uv, type Workplace } from "./programs";
import { PYTHON_RUNTIMES, type HostedServer, type NodeProgram, type PythonProgram } from "./server";

/** Files of a lock. */
export const REQUIREMENTS = "requirements.txt";
export const NODE_PACKAGE = "package.json";
export const NODE_LOCK = "package-lock.json";

/** Directory with what is known of a server. */
export const hostingDirectory = ({ root, servers = root }: Workplace, id: string): string =>
  path.join(servers, "hosting", id);

/** Version of Python, such as 3.13, that a runtime has. */
export const pythonOf = ({ runtime }: PythonProgram): string => runtime.slice("python".length);

/** What is asked of the registry, as PEP 508 has it. */
export function requirementsOf({ package: name, extras, version, with: further }: PythonProgram): string[] {
  return [`${name}${extras.length === 0 ? "" : `[${extras.join(",")}]`}==${version}`, ...further];
}

/** What is asked of the registry: names and exact versions. */
export function dependenciesOf({ package: name, version, with: further }: NodeProgram): Record<string, string> {
  const others = further.map((spec) => splitNpm(spec)).map((other) => [other.name, other.version ?? ""] as const);
  return Object.fromEntries([[name, version] as const, ...others].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Resolves the packages of a server and writes its lock. Binaries have none. */
export function writeLock(place: Workplace, server: HostedServer): void {
  const { program } = server;
  if (program.kind === "binary") return;
  const directory = hostingDirectory(place, server.id);
  mkdirSync(directory, { recursive: true });
  const scratch = mkdtempSync(path.join(tmpdir(), "servers-lock-"));
  try {
    if (program.kind === "python") lockPython(place, server.id, program, directory, scratch);
    else lockNode(place, server.id, program, directory, scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** First line of a lock: for which wishes it was made, and for Python from which version on. */
const heading = (program: PythonProgram, from: string): string =>
  `# ${requirementsOf(program).join(" ")} for Python ${from} and newer; written by make servers-lock\n`;

function lockPython(place: Workplace, id: string, program: PythonProgram, directory: string, scratch: string): void {
  const input = path.join(scratch, "requirements.in");
  const output = path.join(scratch, REQUIREMENTS);
  writeFileSync(input, `${requirementsOf(program).join("\n")}\n`);
  const resolve = (from: string) =>
    uv(
      place,
      // A lock for all platforms serves both instruction sets and this machine.
      [
        "pip",
        "compile",
        "--quiet",
        "--universal",
        "--python-version",
        from,
        "--only-binary",
        ":all:",
        "--generate-hashes",
      ].concat(["--no-header", "--no-annotate", "--output-file", output, input]),
      `${id}: resolving ${requirementsOf(program).join(", ")}`,
      scratch,
    );
  // From the oldest runtime on, where the packages let us: then any Python of a person's machine can run it.
  const oldest = PYTHON_RUNTIMES[0].slice("python".length);
  let from = oldest;
  try {
    resolve(from);
  } catch (error) {
    if (!(error instanceof Mistake) || pythonOf(program) === oldest) throw error;
    from = pythonOf(program);
    resolve(from);
  }
  write(path.join(directory, REQUIREMENTS), heading(program, from) + readFileSync(output, "utf8"));
}

function lockNode(place: Workplace, id: string, program: NodeProgram, directory: string, scratch: string): void {
  const manifest = JSON.stringify({ private: true, dependencies: dependenciesOf(program) }, undefined, 2) + "\n";
  writeFileSync(path.join(scratch, NODE_PACKAGE), manifest);
  const options = [
    "--package-lock-only",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--omit-lockfile-registry-resolved",
  ];
  npm(place, ["install", ...options], `${id}: resolving ${program.package}@${program.version}`, scratch);
  write(path.join(directory, NODE_PACKAGE), manifest);
  // npm writes the name of the directory into it, which is a scratch one.
  const lock = JSON.parse(readFileSync(path.join(scratch, NODE_LOCK), "utf8")) as Record<string, unknown>;
  write(path.join(directory, NODE_LOCK), JSON.stringify({ ...lock, name: id }, undefined, 2) + "\n");
}

function write(file: string, text: string): void {
  writeFileSync(`${file}.part`, text);
  renameSync(`${file}.part`, file);
}

/** The lock of a Python server. */
export interface PythonLock {
  readonly text: string;
  /** Oldest Python that it holds for, such as 3.11. */
  readonly from: string;
}

/** Reads the lock of a server. Throws a {@link Mistake} if there is none, or if it was made for other wishes. */
export function readPythonLock(place: Workplace, id: string, program: PythonProgram): PythonLock {
  const file = path.join(hostingDirectory(place, id), REQUIREMENTS);
  const text = read(file, id);
  const [first = ""] = text.split("\n", 1);
  const from = /for Python (\S+) and newer/.exec(first)?.[1] ?? "";
  if (`${first}\n` !== heading(program, from)) throw stale(file, id, requirementsOf(program).join(" "));
  return { text, from };
}

/** The same for Node: the texts of `package.json` and `package-lock.json`. */
export function readNodeLock(place: Workplace, id: string, program: NodeProgram): { manifest: string; lock: string } {
  const directory = hostingDirectory(place, id);
  const file = path.join(directory, NODE_PACKAGE);
  const manifest = read(file, id);
  const wanted = JSON.stringify({ private: true, dependencies: dependenciesOf(program) }, undefined, 2) + "\n";
  if (manifest !== wanted) throw stale(file, id, `${program.package}@${program.version}`);
  return { manifest, lock: read(path.join(directory, NODE_LOCK), id) };
}

function read(file: string, id: string): string {
  if (!existsSync(file)) throw new Mistake(`${file}: missing: run "make servers-lock SERVER=${id}"`);
  return readFileSync(file, "utf8");
}

const stale = (file: string, id: string, wanted: string): Mistake =>
  new Mistake(`${file}: made for something else than ${wanted} of servers.yaml: run "make servers-lock SERVER=${id}"`);
