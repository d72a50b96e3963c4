/** Installs the locked packages of a server into a directory, as small and as quick to start as they can be. */
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ArchitectureName } from "../config";
import { Mistake } from "../mistake";
import { files, stripNode, stripPython } from "./contents";
import { NODE_LOCK, NODE_PACKAGE, REQUIREMENTS, pythonOf, readNodeLock, readPythonLock } from "./locks";
import { findNode, findPython, npm, run, uv, type Interpreter, type Workplace } from "./programs";
import { PYTHON_RUNTIMES, type NodeProgram, type PythonProgram } from "./server";

/** What a package is for: Lambda with an instruction set, or this machine. */
export type Platform = ArchitectureName | "here";

/** Installed packages. */
export interface Installation {
  /** Has `python/` or `node_modules/` in it. */
  readonly directory: string;
  /** Changes when anything in it does. */
  readonly key: string;
  /** What runs it on this machine; undefined for Lambda, which brings its own. */
  readonly interpreter?: Interpreter;
  /** Why it has no bytecode, which makes it start slowly. */
  readonly slow?: string;
}

/** Counts changes of what is done with packages after they are installed. */
const RULES = 1;
/** glibc of Amazon Linux 2023. */
const PLATFORMS = { arm64: "aarch64-manylinux_2_34", x86_64: "x86_64-manylinux_2_34" } as const;

export function installPython(place: Workplace, id: string, program: PythonProgram, platform: Platform): Installation {
  const lock = readPythonLock(place, id, program);
  const wanted = pythonOf(program);
  const versions = PYTHON_RUNTIMES.map((runtime) => runtime.slice("python".length)).filter(
    (version) => minor(version) >= minor(lock.from),
  );
  const interpreter =
    platform === "here"
      ? findPython(place, [wanted, ...versions.filter((version) => version !== wanted)])
      : findPython(place, [wanted]);
  if (platform === "here" && interpreter === undefined) {
    throw new Mistake(`${id}: no Python ${lock.from} or newer is on the PATH of this machine`);
  }
  const key = keyOf("python", platform, platform === "here" ? "" : wanted, interpreter?.version ?? "", lock.text);
  const slow = interpreter === undefined ? `no Python ${wanted} is on the PATH to compile bytecode with` : undefined;
  const directory = made(place, id, key, (unfinished) => {
    writeFileSync(path.join(unfinished, REQUIREMENTS), lock.text);
    const target = path.join(unfinished, "python");
    const which =
      platform === "here"
        ? ["--python", interpreter?.path ?? ""]
        : ["--python-platform", PLATFORMS[platform], "--python-version", wanted];
    uv(
      place,
      ["pip", "install", "--quiet", "--target", target, ...which, "--only-binary", ":all:", "--require-hashes"]
        // Links into the cache of uv would share their mode with it.
        .concat(["--no-deps", "--link-mode", "copy", "--requirement", path.join(unfinished, REQUIREMENTS)]),
      `${id}: installing for ${platform}`,
    );
    rmSync(path.join(unfinished, REQUIREMENTS));
    stripPython(target);
    if (interpreter !== undefined) compile(place, id, interpreter, target);
  });
  const runs = platform === "here" && interpreter !== undefined ? { interpreter: bare(place, id, interpreter) } : {};
  return { directory, key, ...runs, ...(slow === undefined ? {} : { slow }) };
}

/** The interpreter without what is installed for it on this machine, as Lambda has it. */
function bare(place: Workplace, id: string, interpreter: Interpreter): Interpreter {
  const directory = made(place, "interpreters", keyOf(interpreter.path, interpreter.version), (unfinished) => {
    run(place, interpreter.path, ["-I", "-m", "venv", "--without-pip", "--symlinks", unfinished], {
      doing: `${id}: making an environment for Python ${interpreter.version}`,
    });
  });
  return { ...interpreter, path: path.join(directory, "bin", "python3") };
}

/**
 * Compiles bytecode that is taken as it is: in a zip all times are reset, and what is read-only cannot be compiled again.
 * Source: PEP 552, unchecked hash-based pycs.
 */
function compile(place: Workplace, id: string, interpreter: Interpreter, target: string): void {
  const options = ["-q", "--invalidation-mode", "unchecked-hash", "-s", target, "-p", "/var/task/python"];
  // Files that are templates of other Pythons do not compile, and nobody imports them.
  const script = `import compileall, sys; sys.argv[0] = "compileall"; compileall.main()`;
  const environment = { ...place.environment, PYTHONHASHSEED: "0" };
  run({ environment }, interpreter.path, ["-I", "-W", "ignore", "-c", script, ...options, target], {
    doing: `${id}: compiling bytecode`,
  });
}

export function installNode(place: Workplace, id: string, program: NodeProgram, platform: Platform): Installation {
  const { manifest, lock } = readNodeLock(place, id, program);
  const interpreter = platform === "here" ? findNode(place) : undefined;
  if (platform === "here" && interpreter === undefined)
    throw new Mistake(`${id}: no node is on the PATH of this machine`);
  const key = keyOf("node", platform, program.runtime, manifest, lock);
  const directory = made(place, id, key, (unfinished) => {
    writeFileSync(path.join(unfinished, NODE_PACKAGE), manifest);
    writeFileSync(path.join(unfinished, NODE_LOCK), lock);
    const cpu = platform === "arm64" ? "arm64" : "x64";
    const which = platform === "here" ? [] : ["--os=linux", `--cpu=${cpu}`, "--libc=glibc"];
    npm(
      place,
      ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", ...which],
      `${id}: installing for ${platform}`,
      unfinished,
    );
    rmSync(path.join(unfinished, NODE_LOCK));
    rmSync(path.join(unfinished, NODE_PACKAGE));
    stripNode(path.join(unfinished, "node_modules"));
  });
  return { directory, key, ...(interpreter === undefined ? {} : { interpreter }) };
}

/** Where everything is made that can be made again. */
export const buildDirectory = ({ root }: Workplace): string => path.join(root, "build", "hosting");

/** A directory that is there whole or not at all. */
export function made(place: Workplace, id: string, key: string, make: (unfinished: string) => void): string {
  const directory = path.join(buildDirectory(place), id, key);
  if (existsSync(directory)) return directory;
  const unfinished = `${directory}.part-${process.pid}`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  try {
    make(unfinished);
    for (const file of files(unfinished)) chmodSync(path.join(unfinished, file.name), file.executable ? 0o555 : 0o444);
    renameSync(unfinished, directory);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    // Somebody else may have made the same at the same time.
    if (!existsSync(directory)) throw error;
  }
  return directory;
}

/** A name for something that is made of these. */
export function keyOf(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash("sha256").update(`rules ${RULES}\n`);
  for (const part of parts) hash.update(createHash("sha256").update(part).digest());
  return hash.digest("hex").slice(0, 32);
}

const minor = (version: string): number => Number(version.split(".")[1] ?? 0);

export const readIfThere = (file: string): string | undefined =>
  existsSync(file) ? readFileSync(file, "utf8") : undefined;
