import type { Aws } from "./aws";
import type { Run } from "./command";
import type { Terminal } from "./terminal";

/** What a deployment touches outside of itself. */
export interface World {
  /** Directory of the project. */
  readonly root: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly terminal: Terminal;
  readonly run: Run;
  readonly connect: (region: string) => Aws;
}
