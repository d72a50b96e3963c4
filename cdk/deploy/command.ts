/** Programs that are started on the way. */
import { spawn } from "node:child_process";

/** How a program ended. */
export interface Ended {
  /** Its exit status; 128 and more if a signal ended it. */
  readonly status: number;
  /** What it wrote, as far as it was kept. */
  readonly output: string;
}

/** What to do with what a program writes. */
export interface RunOptions {
  /** Which streams are kept: the rest goes straight to the terminal. @default "nothing" */
  readonly keep?: "nothing" | "errors" | "all";
  /** Whether what is kept is not shown as well. @default false */
  readonly quiet?: boolean;
}

/** Runs a program to its end. */
export type Run = (program: string, args: readonly string[], options?: RunOptions) => Promise<Ended>;

/** The end of an output says why a program failed; the beginning may be long. */
const KEPT = 1_000_000;

/** Runs programs in a directory, with an environment. */
export function runIn(directory: string, environment: NodeJS.ProcessEnv): Run {
  return async (program, args, { keep = "nothing", quiet = false } = {}) => {
    const child = spawn(program, args, {
      cwd: directory,
      env: environment,
      stdio: ["inherit", keep === "all" ? "pipe" : "inherit", keep === "nothing" ? "inherit" : "pipe"],
    });
    let output = "";
    const keepFrom = (from: NodeJS.ReadableStream | null, to: NodeJS.WritableStream) =>
      from?.setEncoding("utf8").on("data", (chunk: string) => {
        output = (output + chunk).slice(-KEPT);
        if (!quiet) to.write(chunk);
      });
    keepFrom(child.stdout, process.stdout);
    keepFrom(child.stderr, process.stderr);
    // Ctrl-C reaches the program too: it ends in its own time, and then we do.
    const hold = () => undefined;
    process.on("SIGINT", hold);
    try {
      return await new Promise<Ended>((resolve, reject) => {
        child.on("error", (error) => {
          reject(new Error(`${program} cannot be started: ${error.message}`, { cause: error }));
        });
        child.on("close", (code) => {
          resolve({ status: code ?? 128, output });
        });
      });
    } finally {
      process.off("SIGINT", hold);
    }
  };
}
