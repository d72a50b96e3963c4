/** The machine that a server's package is made for. */
import { LOCAL_STAGE, type ArchitectureName, type Config } from "../config";
import type { HostedServer } from "./server";

/** What a package has to fit. */
export interface Machine {
  readonly architecture: ArchitectureName;
  /**
   * `lambda`: Amazon Linux, with the interpreter of the managed runtime. `here`: this machine, with interpreters from its PATH
   * and stdio_host as the bootstrap of a custom runtime.
   */
  readonly runs: "lambda" | "here";
}

/** The machine that a server runs on in a deployment. */
export function machineOf(
  { stage, architecture }: Pick<Config, "stage" | "architecture">,
  server: HostedServer,
): Machine {
  return stage === LOCAL_STAGE
    ? { architecture, runs: "here" }
    : { architecture: server.architecture ?? architecture, runs: "lambda" };
}
