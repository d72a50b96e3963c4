import { existsSync } from "node:fs";
import path from "node:path";
import type { Duration } from "aws-cdk-lib";
import { FileSystem } from "aws-cdk-lib";
import * as lambda from "aws-cdk-lib/aws-lambda";
import type { Construct } from "constructs";
import type { ArchitectureName, Config } from "../config";
import { Mistake } from "../mistake";
import { functionName } from "../names";
import { checkPackedDefinitions } from "../packed-definitions";
import { readLambdaZip } from "../zip";
import { OwnFunction } from "./own-function";

/** Where the built functions are, for which machine and from which agents; the same for all of a deployment. */
export type Build = Pick<Config, "lambdaZipDir" | "architecture" | "agentsDir">;

/** Properties of {@link RustFunction}. */
export interface RustFunctionProps {
  readonly stage: string;
  /** Name of the binary; with the stage it makes the function's name. */
  readonly bin: string;
  readonly build: Build;
  readonly description: string;
  /** How long one invocation may take. */
  readonly timeout: Duration;
  /** Environment variables. @default - none */
  readonly environment?: Readonly<Record<string, string>>;
  /** Memory in MB; CPU grows with it. @default 256 */
  readonly memorySize?: number;
}

/** One of our Lambda functions, from a zip that was built before. */
export class RustFunction extends OwnFunction {
  /** Changes when the zip does. */
  readonly codeHash: string;

  constructor(scope: Construct, id: string, props: RustFunctionProps) {
    const zip = path.join(props.build.lambdaZipDir, props.bin, "bootstrap.zip");
    checkZip(zip, props.build);
    super(scope, id, {
      name: functionName(props.stage, props.bin),
      description: props.description,
      runtime: lambda.Runtime.PROVIDED_AL2023,
      architecture: architectureOf(props.build.architecture),
      code: lambda.Code.fromAsset(zip),
      handler: "bootstrap",
      timeout: props.timeout,
      memorySize: props.memorySize ?? 256,
      environment: { ...props.environment },
      noQueue:
        "Every caller waits for the answer and is told when there is none (of registration: CloudFormation, which rolls " +
        "back; of health_checker: the next run): an event kept in a queue would act after that.",
    });
    this.codeHash = FileSystem.fingerprint(zip);
  }
}

/** The architecture of a setting, as Lambda has it. */
export function architectureOf(name: ArchitectureName): lambda.Architecture {
  return name === "arm64" ? lambda.Architecture.ARM_64 : lambda.Architecture.X86_64;
}

/** A zip that is missing, of another machine or with other agents would only show when the function is called. */
function checkZip(zip: string, { architecture, agentsDir }: Build): void {
  if (!existsSync(zip)) throw new Mistake(`${zip} does not exist: run "make build" first`);
  const { architecture: built, files } = readLambdaZip(zip);
  if (built !== undefined && built !== architecture) {
    throw new Mistake(
      `${zip} was built for ${built}, but the setting architecture is ${architecture}: ` +
        `build for ${architecture}, or deploy with -c architecture=${built}`,
    );
  }
  checkPackedDefinitions(zip, files, agentsDir);
}
