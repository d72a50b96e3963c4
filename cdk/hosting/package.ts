/** Packages: everything that Lambda unpacks for a hosted server, host included. Made once for the same content. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import type { ArchitectureName } from "../config";
import { Mistake } from "../mistake";
import { files } from "./contents";
import { nodeStart, pythonStart } from "./entry-point";
import { HOST_FILE, hostFile } from "./host-file";
import { dockerfile } from "./image";
import { installNode, installPython, keyOf, made, type Installation, type Platform } from "./installation";
import type { Interpreter, Workplace } from "./programs";
import type { HostedServer } from "./server";

/** What a package is made for. */
export type Target =
  | {
      readonly kind: "lambda";
      /** The server's own, or else the deployment's. */
      readonly architecture: ArchitectureName;
      /** File of stdio_host for that instruction set. */
      readonly host: string;
    }
  | {
      /** The local stage and `make servers-verify`. Interpreters come from the PATH, and nothing is an image. */
      readonly kind: "here";
      /** File of stdio_host for this machine. */
      readonly host: string;
      /**
       * Whether the host gets the interpreter as its argument, as from a managed runtime, and not from its file.
       * @default false
       */
      readonly wrapped?: boolean;
    };

/** A package that has been made. */
export interface Package {
  /** Its files; LAMBDA_TASK_ROOT. With a Dockerfile if it is an image. */
  readonly directory: string;
  /** Changes when anything in it does. */
  readonly hash: string;
  /** Sum of the sizes of its files. */
  readonly bytes: number;
  /** The same without the host. */
  readonly serverBytes: number;
  /** What becomes of it: on this machine always a zip. */
  readonly packaging: "zip" | "image";
  /** What runs it on this machine. @default - Lambda brings it, or the program needs none */
  readonly interpreter?: Interpreter;
  /** Why it starts slower than it could. @default - it does not */
  readonly slow?: string;
}

/** Size of the unzipped package. Source: AWS Lambda, "Lambda quotas", deployment package. */
export const MAX_ZIP_BYTES = 250 * 1024 * 1024;
/** Instruction set of this machine. */
export const OWN_ARCHITECTURE: ArchitectureName = process.arch === "arm64" ? "arm64" : "x86_64";
/** Mode of a file that is started. */
const EXECUTABLE = 0o555;

/** Makes the package of a server, or finds it. Throws a {@link Mistake} if that cannot be. */
export function packageServer(place: Workplace, server: HostedServer, target: Target): Package {
  const { id } = server;
  if (!existsSync(target.host)) {
    const verb = target.kind === "here" ? "cargo build --workspace --bins" : "make build";
    throw new Mistake(`${id}: ${target.host} is missing: run "${verb}"`);
  }
  const platform: Platform = target.kind === "here" ? "here" : target.architecture;
  const installed = install(place, server, platform);
  const packaging = target.kind === "here" ? "zip" : server.packaging;
  const interpreter = target.kind === "here" && target.wrapped !== true ? installed.interpreter : undefined;
  const texts = new Map([[HOST_FILE, hostFile(server, installed.start, interpreter)]]);
  if (installed.script !== undefined) texts.set(installed.start, installed.script);
  if (target.kind === "lambda" && packaging === "image") {
    texts.set("Dockerfile", dockerfile(server, target.architecture));
    texts.set(".dockerignore", "Dockerfile\n.dockerignore\n");
  }
  // In a custom runtime Lambda starts `bootstrap`; a managed one is told to start stdio_host.
  const custom = packaging === "zip" && (target.kind === "here" || server.program.kind === "binary");
  const host = custom ? "bootstrap" : "stdio_host";
  const hash = keyOf(installed.key, host, readFileSync(target.host), JSON.stringify([...texts]));
  const directory = made(place, id, `package-${hash}`, (unfinished) => {
    if (installed.directory !== undefined) link(installed.directory, unfinished);
    if (installed.binary !== undefined) putExecutable(installed.binary, path.join(unfinished, installed.start));
    for (const [name, text] of texts) writeFileSync(path.join(unfinished, name), text);
    putExecutable(target.host, path.join(unfinished, host));
  });
  const bytes = files(directory).reduce((sum, file) => sum + file.bytes, 0);
  if (packaging === "zip" && target.kind === "lambda" && bytes > MAX_ZIP_BYTES) {
    throw new Mistake(
      `${id}: ${megabytes(bytes)} MB unzipped, and Lambda takes ${megabytes(MAX_ZIP_BYTES)}: ` +
        "write runtime: image in servers.yaml",
    );
  }
  const { interpreter: runs, slow } = installed;
  return {
    directory,
    hash,
    bytes,
    serverBytes: bytes - statSync(target.host).size,
    packaging,
    ...(runs === undefined ? {} : { interpreter: runs }),
    ...(slow === undefined ? {} : { slow }),
  };
}

/** Megabytes of Lambda's quotas, which are powers of two. */
export const megabytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);

interface Installed extends Partial<Installation> {
  readonly key: string;
  /** File that is started, from the package's directory. */
  readonly start: string;
  /** Its text, if it is made here. */
  readonly script?: string;
  /** File of a program that is already built. */
  readonly binary?: string;
}

function install(place: Workplace, { id, program }: HostedServer, platform: Platform): Installed {
  if (program.kind === "python") {
    const installation = installPython(place, id, program, platform);
    const script = pythonStart(id, program, path.join(installation.directory, "python"));
    return { ...installation, start: "run.py", script };
  }
  if (program.kind === "node") {
    const installation = installNode(place, id, program, platform);
    return { ...installation, start: nodeStart(id, program, installation.directory) };
  }
  const architecture = platform === "here" ? OWN_ARCHITECTURE : platform;
  const binary = path.join(place.servers ?? place.root, program.path.replaceAll("{architecture}", architecture));
  if (!existsSync(binary)) throw new Mistake(`${id}: ${binary} is missing: build the program, or correct command`);
  return { key: keyOf(readFileSync(binary)), start: path.basename(binary), binary };
}

/** Files of one directory in another one, without taking the room again. */
function link(from: string, to: string): void {
  for (const { name } of files(from)) {
    mkdirSync(path.dirname(path.join(to, name)), { recursive: true });
    linkSync(path.join(from, name), path.join(to, name));
  }
}

function putExecutable(from: string, to: string): void {
  copyFileSync(from, to);
  chmodSync(to, EXECUTABLE);
}
